"""The public names and their types, for editors and type checkers; written by `python -m zaohua.renew`."""

from zaohua import metrics as metrics
from zaohua import tasks as tasks
from zaohua.core import registry as registry
from zaohua.core.errors import CheckpointError as CheckpointError
from zaohua.core.errors import NotAvailable as NotAvailable
from zaohua.core.errors import ZaohuaError as ZaohuaError
from zaohua.core.errors import ZaohuaWarning as ZaohuaWarning
from zaohua.interop.formats import export as export
from zaohua.interop.pushing import pull as pull
from zaohua.interop.pushing import push_to_hub as push_to_hub
from zaohua.modalities import datasets as datasets
from zaohua.modalities.base import Codec as Codec
from zaohua.modalities.base import GridCodec as GridCodec
from zaohua.modalities.images.codec import ImageCodec as ImageCodec
from zaohua.modalities.images.show import show as show
from zaohua.modalities.labels.codec import LabelCodec as LabelCodec
from zaohua.modalities.labels.tags import TagCodec as TagCodec
from zaohua.modalities.modality import Modality as Modality
from zaohua.modalities.music.notes import MusicCodec as MusicCodec
from zaohua.modalities.music.pieces import Piece as Piece
from zaohua.modalities.music.rolls import RollCodec as RollCodec
from zaohua.modalities.reading import read as read
from zaohua.modalities.reading import write as write
from zaohua.modalities.records.codec import RecordCodec as RecordCodec
from zaohua.modalities.registry import modality as modality
from zaohua.modalities.registry import register as register
from zaohua.modalities.sounds.mel import MelCodec as MelCodec
from zaohua.modalities.sounds.mu_law import MuLawCodec as MuLawCodec
from zaohua.modalities.sounds.sound import Sound as Sound
from zaohua.modalities.sounds.sound import Sounds as Sounds
from zaohua.modalities.sounds.spectrum import SpectrumCodec as SpectrumCodec
from zaohua.modalities.sounds.waves import WaveCodec as WaveCodec
from zaohua.modalities.tables.codec import TableCodec as TableCodec
from zaohua.modalities.tables.plain_numbers import NumberCodec as NumberCodec
from zaohua.modalities.tables.vectors import VectorCodec as VectorCodec
from zaohua.modalities.texts.captions import CaptionCodec as CaptionCodec
from zaohua.modalities.texts.codec import TextCodec as TextCodec
from zaohua.models.bernoulli import Bernoulli as Bernoulli
from zaohua.models.beta import Beta as Beta
from zaohua.models.chained_forests import ChainedForests as ChainedForests
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
from zaohua.models.restorer import Restorer as Restorer
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
from zaohua.storage.loading import load as load
from zaohua.storage.provenance.files import origin as origin
from zaohua.storage.provenance.origin import Origin as Origin
from zaohua.storage.provenance.origin import no_origin as no_origin
from zaohua.tasks.classify import GenerativeClassifier as GenerativeClassifier
from zaohua.tasks.evaluation.compare import compare as compare
from zaohua.tasks.evaluation.evaluate import evaluate as evaluate
from zaohua.tasks.explain.explaining import explain as explain
from zaohua.tasks.fill import fill as fill
from zaohua.tasks.impute import TableImputer as TableImputer
from zaohua.tasks.interpolate import interpolate as interpolate
from zaohua.tasks.interpolate import morph as morph
from zaohua.tasks.restore.restored import Restored as Restored
from zaohua.tasks.restore.restoring import restore as restore
from zaohua.tasks.retrieve import retrieve as retrieve

__version__: str

__all__ = [
    "Bernoulli",
    "Beta",
    "CTGAN",
    "CaptionCodec",
    "ChainedForests",
    "CharRNN",
    "CheckpointError",
    "ChoraleRNN",
    "Codec",
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
    "GridCodec",
    "ImageCodec",
    "ImageGPT",
    "Independent",
    "KernelDensity",
    "LabelCodec",
    "LogNormal",
    "MADE",
    "MelCodec",
    "Modality",
    "MuLawCodec",
    "MusicCodec",
    "MusicGPT",
    "NegativeBinomial",
    "Normal",
    "NotAvailable",
    "NumberCodec",
    "Origin",
    "Piece",
    "PixelCNN",
    "Poisson",
    "ProductMixture",
    "R3GAN",
    "RecordCodec",
    "Restored",
    "Restorer",
    "RollCodec",
    "Sound",
    "Sounds",
    "SpectrumCodec",
    "StudentT",
    "TVAE",
    "TabAR",
    "TabFlow",
    "TableCodec",
    "TableImputer",
    "TagCodec",
    "TextCodec",
    "Uniform",
    "VAE",
    "VQVAE",
    "VectorCodec",
    "Vocoder",
    "WGANGP",
    "WaveCodec",
    "WaveGAN",
    "WaveNet",
    "Weibull",
    "ZaohuaError",
    "ZaohuaWarning",
    "__version__",
    "compare",
    "datasets",
    "evaluate",
    "explain",
    "export",
    "fill",
    "interpolate",
    "load",
    "metrics",
    "modality",
    "morph",
    "no_origin",
    "origin",
    "pull",
    "push_to_hub",
    "read",
    "register",
    "registry",
    "restore",
    "retrieve",
    "show",
    "tasks",
    "write",
]
