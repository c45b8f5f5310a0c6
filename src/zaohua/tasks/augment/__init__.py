"""Augmentation with proof: whether samples of a model help a classifier that learns from few labelled items.

data          labelled items, their folds, and how many samples each class gets
generator     models that are fitted to a part of the data, and sampled class by class
kinds         what classifiers see of tables, pictures and sounds
classical     what is done to items without any model: shifts, flips, SpecAugment, SMOTE-NC
classifiers   trees, logistic regression, a small convolutional network
arms          what a classifier learns from: real items, duplicates, classical augmentation, samples
scores        AUC, accuracy, F1, and intervals of differences
verdict       "helps by a (b to c)", "no difference shown", "harms"
comparing     `augment`, which brings all of it together
writing       the augmented data with their weights, the results and their page
"""
