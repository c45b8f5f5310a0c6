"""The public names and their types, for editors and type checkers; written by `python -m zaohua.renew`."""

from pathlib import Path
from typing import Any

from zaohua import data as data
from zaohua import metrics as metrics
from zaohua import registry as registry
from zaohua import tasks as tasks
from zaohua.codecs import ImageCodec as ImageCodec
from zaohua.codecs import LabelCodec as LabelCodec
from zaohua.codecs import MelCodec as MelCodec
from zaohua.codecs import MuLawCodec as MuLawCodec
from zaohua.codecs import MusicCodec as MusicCodec
from zaohua.codecs import NumberCodec as NumberCodec
from zaohua.codecs import Piece as Piece
from zaohua.codecs import RollCodec as RollCodec
from zaohua.codecs import Sound as Sound
from zaohua.codecs import Sounds as Sounds
from zaohua.codecs import TableCodec as TableCodec
from zaohua.codecs import TextCodec as TextCodec
from zaohua.codecs import WaveCodec as WaveCodec
from zaohua.codecs import read as read
from zaohua.errors import CheckpointError as CheckpointError
from zaohua.errors import NotAvailable as NotAvailable
from zaohua.errors import ZaohuaError as ZaohuaError
from zaohua.errors import ZaohuaWarning as ZaohuaWarning
from zaohua.models.bernoulli import Bernoulli as Bernoulli
from zaohua.models.beta import Beta as Beta
from zaohua.models.char_rnn import CharRNN as CharRNN
from zaohua.models.chorale_rnn import ChoraleRNN as ChoraleRNN
from zaohua.models.ctgan import CTGAN as CTGAN
from zaohua.models.dcgan import DCGAN as DCGAN
from zaohua.models.ddpm import DDPM as DDPM
from zaohua.models.diffwave import DiffWave as DiffWave
from zaohua.models.edm import EDM as EDM
from zaohua.models.exponential import Exponential as Exponential
from zaohua.models.flow import Flow as Flow
from zaohua.models.gamma import Gamma as Gamma
from zaohua.models.gaussian import Gaussian as Gaussian
from zaohua.models.gaussian_copula import GaussianCopula as GaussianCopula
from zaohua.models.geometric import Geometric as Geometric
from zaohua.models.gmm import GMM as GMM
from zaohua.models.gpt import GPT as GPT
from zaohua.models.image_gpt import ImageGPT as ImageGPT
from zaohua.models.independent import Independent as Independent
from zaohua.models.kernel_density import KernelDensity as KernelDensity
from zaohua.models.log_normal import LogNormal as LogNormal
from zaohua.models.made import MADE as MADE
from zaohua.models.music_gpt import MusicGPT as MusicGPT
from zaohua.models.negative_binomial import NegativeBinomial as NegativeBinomial
from zaohua.models.normal import Normal as Normal
from zaohua.models.pixelcnn import PixelCNN as PixelCNN
from zaohua.models.poisson import Poisson as Poisson
from zaohua.models.product_mixture import ProductMixture as ProductMixture
from zaohua.models.r3gan import R3GAN as R3GAN
from zaohua.models.student_t import StudentT as StudentT
from zaohua.models.tab_ar import TabAR as TabAR
from zaohua.models.tabflow import TabFlow as TabFlow
from zaohua.models.tvae import TVAE as TVAE
from zaohua.models.uniform import Uniform as Uniform
from zaohua.models.vae import VAE as VAE
from zaohua.models.vocoder import Vocoder as Vocoder
from zaohua.models.vq_vae import VQVAE as VQVAE
from zaohua.models.wavegan import WaveGAN as WaveGAN
from zaohua.models.wavenet import WaveNet as WaveNet
from zaohua.models.weibull import Weibull as Weibull
from zaohua.models.wgan_gp import WGANGP as WGANGP
from zaohua.tasks.classify import GenerativeClassifier as GenerativeClassifier
from zaohua.tasks.pictures import show as show

__version__: str

def load(path: str | Path) -> Any: ...

__all__ = [
    "Bernoulli",
    "Beta",
    "CTGAN",
    "CharRNN",
    "CheckpointError",
    "ChoraleRNN",
    "DCGAN",
    "DDPM",
    "DiffWave",
    "EDM",
    "Exponential",
    "Flow",
    "GMM",
    "GPT",
    "Gamma",
    "Gaussian",
    "GaussianCopula",
    "GenerativeClassifier",
    "Geometric",
    "ImageCodec",
    "ImageGPT",
    "Independent",
    "KernelDensity",
    "LabelCodec",
    "LogNormal",
    "MADE",
    "MelCodec",
    "MuLawCodec",
    "MusicCodec",
    "MusicGPT",
    "NegativeBinomial",
    "Normal",
    "NotAvailable",
    "NumberCodec",
    "Piece",
    "PixelCNN",
    "Poisson",
    "ProductMixture",
    "R3GAN",
    "RollCodec",
    "Sound",
    "Sounds",
    "StudentT",
    "TVAE",
    "TabAR",
    "TabFlow",
    "TableCodec",
    "TextCodec",
    "Uniform",
    "VAE",
    "VQVAE",
    "Vocoder",
    "WGANGP",
    "WaveCodec",
    "WaveGAN",
    "WaveNet",
    "Weibull",
    "ZaohuaError",
    "ZaohuaWarning",
    "__version__",
    "data",
    "load",
    "metrics",
    "read",
    "registry",
    "show",
    "tasks",
]
