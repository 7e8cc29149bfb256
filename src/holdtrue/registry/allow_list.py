"""AllowList: the fixed set of types that a skops file may build; what a file itself names is never trusted.

Read from what scikit-learn 1.9 estimators need when skops 0.16 dumps them. It is kept by hand on purpose: a list that
is computed from the installed packages (as the one of skops is) grows unseen with the next release. Left out although
skops trusts them: what opens files that its input names (`CountVectorizer(input="filename")`), and all methods and
constructor calls.
"""

_ESTIMATORS = """
sklearn.calibration CalibratedClassifierCV _CalibratedClassifier _SigmoidCalibration _TemperatureScaling
sklearn.cluster._kmeans KMeans MiniBatchKMeans
sklearn.compose._column_transformer ColumnTransformer
sklearn.compose._target TransformedTargetRegressor
sklearn.cross_decomposition._pls PLSRegression
sklearn.decomposition._factor_analysis FactorAnalysis
sklearn.decomposition._fastica FastICA
sklearn.decomposition._incremental_pca IncrementalPCA
sklearn.decomposition._nmf MiniBatchNMF NMF
sklearn.decomposition._pca PCA
sklearn.decomposition._truncated_svd TruncatedSVD
sklearn.discriminant_analysis LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis
sklearn.dummy DummyClassifier DummyRegressor
sklearn.ensemble._bagging BaggingClassifier BaggingRegressor
sklearn.ensemble._forest ExtraTreesClassifier ExtraTreesRegressor RandomForestClassifier RandomForestRegressor
sklearn.ensemble._forest RandomTreesEmbedding
sklearn.ensemble._gb GradientBoostingClassifier GradientBoostingRegressor
sklearn.ensemble._hist_gradient_boosting.binning _BinMapper
sklearn.ensemble._hist_gradient_boosting.gradient_boosting HistGradientBoostingClassifier HistGradientBoostingRegressor
sklearn.ensemble._hist_gradient_boosting.predictor TreePredictor
sklearn.ensemble._stacking StackingClassifier StackingRegressor
sklearn.ensemble._voting VotingClassifier VotingRegressor
sklearn.ensemble._weight_boosting AdaBoostClassifier AdaBoostRegressor
sklearn.feature_selection._from_model SelectFromModel
sklearn.feature_selection._rfe RFE RFECV
sklearn.feature_selection._sequential SequentialFeatureSelector
sklearn.feature_selection._univariate_selection GenericUnivariateSelect SelectFdr SelectFpr SelectFwe SelectKBest
sklearn.feature_selection._univariate_selection SelectPercentile
sklearn.feature_selection._variance_threshold VarianceThreshold
sklearn.gaussian_process._gpc GaussianProcessClassifier _BinaryGaussianProcessClassifierLaplace
sklearn.gaussian_process._gpr GaussianProcessRegressor
sklearn.gaussian_process.kernels CompoundKernel ConstantKernel DotProduct ExpSineSquared Exponentiation Matern
sklearn.gaussian_process.kernels PairwiseKernel Product RBF RationalQuadratic Sum WhiteKernel
sklearn.impute._base MissingIndicator SimpleImputer
sklearn.impute._knn KNNImputer
sklearn.isotonic IsotonicRegression
sklearn.kernel_approximation AdditiveChi2Sampler Nystroem PolynomialCountSketch RBFSampler SkewedChi2Sampler
sklearn.kernel_ridge KernelRidge
sklearn.linear_model._base LinearRegression
sklearn.linear_model._bayes ARDRegression BayesianRidge
sklearn.linear_model._coordinate_descent ElasticNet ElasticNetCV Lasso LassoCV
sklearn.linear_model._glm.glm GammaRegressor PoissonRegressor TweedieRegressor
sklearn.linear_model._huber HuberRegressor
sklearn.linear_model._least_angle Lars LarsCV LassoLars LassoLarsCV LassoLarsIC
sklearn.linear_model._logistic LogisticRegression LogisticRegressionCV
sklearn.linear_model._omp OrthogonalMatchingPursuit OrthogonalMatchingPursuitCV
sklearn.linear_model._quantile QuantileRegressor
sklearn.linear_model._ransac RANSACRegressor
sklearn.linear_model._ridge Ridge RidgeCV RidgeClassifier RidgeClassifierCV _RidgeGCV
sklearn.linear_model._stochastic_gradient SGDClassifier SGDRegressor
sklearn.linear_model._theil_sen TheilSenRegressor
sklearn.model_selection._classification_threshold FixedThresholdClassifier TunedThresholdClassifierCV
sklearn.model_selection._search GridSearchCV RandomizedSearchCV
sklearn.model_selection._split GroupKFold KFold RepeatedKFold RepeatedStratifiedKFold ShuffleSplit StratifiedKFold
sklearn.model_selection._split StratifiedShuffleSplit TimeSeriesSplit
sklearn.multiclass OneVsOneClassifier OneVsRestClassifier OutputCodeClassifier _ConstantPredictor
sklearn.naive_bayes BernoulliNB CategoricalNB ComplementNB GaussianNB MultinomialNB
sklearn.neighbors._classification KNeighborsClassifier RadiusNeighborsClassifier
sklearn.neighbors._nca NeighborhoodComponentsAnalysis
sklearn.neighbors._nearest_centroid NearestCentroid
sklearn.neighbors._regression KNeighborsRegressor RadiusNeighborsRegressor
sklearn.neural_network._multilayer_perceptron MLPClassifier MLPRegressor
sklearn.neural_network._stochastic_optimizers AdamOptimizer SGDOptimizer
sklearn.pipeline FeatureUnion Pipeline
sklearn.preprocessing._data Binarizer KernelCenterer MaxAbsScaler MinMaxScaler Normalizer PowerTransformer
sklearn.preprocessing._data QuantileTransformer RobustScaler StandardScaler
sklearn.preprocessing._discretization KBinsDiscretizer
sklearn.preprocessing._encoders OneHotEncoder OrdinalEncoder
sklearn.preprocessing._function_transformer FunctionTransformer
sklearn.preprocessing._label LabelBinarizer LabelEncoder
sklearn.preprocessing._polynomial PolynomialFeatures SplineTransformer
sklearn.preprocessing._target_encoder TargetEncoder
sklearn.random_projection GaussianRandomProjection SparseRandomProjection
sklearn.svm._classes LinearSVC LinearSVR NuSVC NuSVR SVC SVR
sklearn.tree._classes DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier ExtraTreeRegressor
"""

_PARTS = """
scipy.interpolate._bsplines BSpline
sklearn._loss.link HalfLogitLink IdentityLink Interval LogLink LogitLink MultinomialLogit
sklearn._loss.loss AbsoluteError ExponentialLoss HalfBinomialLoss HalfGammaLoss HalfMultinomialLoss HalfPoissonLoss
sklearn._loss.loss HalfSquaredError HalfTweedieLoss HalfTweedieLossIdentity HuberLoss PinballLoss
sklearn.metrics._dist_metrics ChebyshevDistance64 EuclideanDistance64 ManhattanDistance64
sklearn.metrics._scorer _PassthroughScorer
sklearn.neighbors._ball_tree BallTree BallTree64
sklearn.neighbors._kd_tree KDTree KDTree64
"""

_LOSSES = """
sklearn._loss._loss CyAbsoluteError CyExponentialLoss CyHalfBinomialLoss CyHalfGammaLoss CyHalfMultinomialLoss
sklearn._loss._loss CyHalfPoissonLoss CyHalfSquaredError CyHalfTweedieLoss CyHalfTweedieLossIdentity CyHuberLoss
sklearn._loss._loss CyPinballLoss
sklearn.linear_model._sgd_fast EpsilonInsensitive Hinge ModifiedHuber SquaredEpsilonInsensitive SquaredHinge
"""

_FUNCTIONS = """
numpy abs absolute cbrt ceil clip cos exp exp2 expm1 floor log log10 log1p log2 reciprocal rint sign sin sqrt square tan
numpy tanh trunc
scipy._lib.array_api_compat.numpy._aliases asarray
scipy.special._ufuncs expit logit
sklearn.feature_selection._univariate_selection chi2 f_classif f_regression r_regression
sklearn.feature_selection._mutual_info mutual_info_classif mutual_info_regression
sklearn.utils.validation check_array
"""

_SCALARS = """
builtins bool float int str
numpy bool bool_ float16 float32 float64 int8 int16 int32 int64 str_ uint8 uint16 uint32 uint64
"""

_SPARSE = """
scipy.sparse._csc csc_array csc_matrix
scipy.sparse._csr csr_array csr_matrix
"""


def _read_names(table: str) -> frozenset[str]:
    rows = (line.split() for line in table.strip().splitlines())
    return frozenset(f"{module}.{name}" for module, *names in rows for name in names)


ALLOWED: dict[str, frozenset[str]] = {
    "DTypeNode": frozenset({"numpy.dtype"}),
    "DictNode": frozenset({"builtins.dict", "collections.OrderedDict", "sklearn.utils._bunch.Bunch"}),
    "FunctionNode": _read_names(_FUNCTIONS),
    "JsonNode": frozenset({"builtins.str"}),
    "ListNode": frozenset({"builtins.list"}),
    "LossNode": _read_names(_LOSSES),
    "MaskedArrayNode": frozenset({"numpy.ma.MaskedArray"}),
    "NdArrayNode": _read_names(_SCALARS) - {"builtins." + name for name in ("bool", "float", "int", "str")}
    | {"numpy.ndarray"},
    "ObjectNode": _read_names(_ESTIMATORS) | _read_names(_PARTS),
    "PartialNode": frozenset({"functools.partial"}),
    "RandomGeneratorNode": frozenset({"numpy.random._generator.Generator"}),
    "RandomStateNode": frozenset({"numpy.random.mtrand.RandomState"}),
    "SetNode": frozenset({"builtins.set"}),
    "SliceNode": frozenset({"builtins.slice"}),
    "SparseMatrixNode": _read_names(_SPARSE),
    "TreeNode": frozenset({"sklearn.tree._tree.Tree"}),
    "TupleNode": frozenset({"builtins.tuple"}),
    "TypeNode": _read_names(_SCALARS),
}
"""What each kind of node of a skops file may build: loader name -> full names of types or functions."""

PARTIAL_OF = "sklearn.utils.validation.check_array"
"""The only function that a partial may hold (HistGradientBoosting checks its numeric columns with it)."""

TRUSTED: tuple[str, ...] = tuple(sorted(frozenset().union(*ALLOWED.values())))
"""The same names, flat, as skops takes them."""
