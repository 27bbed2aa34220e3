/// Convolutions, an average pool where there is one, and a classifier: how torchvision builds AlexNet, VGG and MobileNet.
///
/// State: `features.…` and `classifier.…`.
public struct FeatureClassifier: CompositeModule, Layer {
    /// From images to channels of features.
    public var features: Sequential
    /// From features to scores.
    public var classifier: Sequential
    private let pooled: [Int]

    /// The parts.
    public static var children: [Child<Self>] { [Child("features", \.features), Child("classifier", \.classifier)] }

    /// Two networks.
    ///
    /// - Parameters:
    ///   - features: From images `[N, C, H, W]` to features `[N, F, H', W']`.
    ///   - pooled: To how many rows and columns the features are averaged.
    ///   - classifier: From the features in one row to scores.
    public init(_ features: Sequential, pooledTo pooled: [Int], classifier: Sequential) {
        (self.features, self.pooled, self.classifier) = (features, pooled, classifier)
    }

    /// A score for each class.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        let channels = withLayer("features") { features(x) }
        // Features that have those extents are their own averages.
        let means =
            channels.rank == 4 && channels.shape.dimensions.suffix(2) == pooled[...]
            ? channels : withLayer("avgpool") { channels.adaptiveAvgPool(pooled) }
        return withLayer("classifier") { classifier(means.flatten(start: 1)) }
    }
}
