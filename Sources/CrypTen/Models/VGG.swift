extension FeatureClassifier {
    /// VGG of 16 layers on images of 32 × 32 or more, 224 × 224 by design, as torchvision has it; Simonyan and Zisserman 2015.
    ///
    /// 138,357,544 numbers for 1,000 classes.
    ///
    /// - Parameters:
    ///   - classes: How many.
    ///   - batchNorm: Whether each convolution is followed by a batch normalisation.
    ///   - dropout: The probability with which the classifier's units are dropped in training.
    public static func vgg16(
        classes: Int = 1000,
        batchNorm: Bool = false,
        dropout: Double = 0.5,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> FeatureClassifier {
        let start = Initializer.kaimingNormal(mode: .fanOut, nonlinearity: .relu)
        func unit(_ from: Int, _ to: Int) -> Linear {
            Linear(from, to, file: file, line: line).initializing("weight", .normal(deviation: 0.01))
                .initializing("bias", .zeros)
        }
        let blocks = [[64, 64], [128, 128], [256, 256, 256], [512, 512, 512], [512, 512, 512]]
        var channels = 3
        var layers: [any Layer] = []
        for block in blocks {
            for width in block {
                layers.append(
                    Conv2d(channels, width, kernelSize: 3, padding: 1, file: file, line: line)
                        .initializing("weight", start).initializing("bias", .zeros)
                )
                if batchNorm { layers.append(BatchNorm2d(width, file: file, line: line)) }
                layers.append(ReLU())
                channels = width
            }
            layers.append(MaxPool2d(2))
        }
        return FeatureClassifier(
            Sequential(layers),
            pooledTo: [7, 7],
            classifier: Sequential {
                unit(25088, 4096)
                ReLU()
                Dropout(dropout, file: file, line: line)
                unit(4096, 4096)
                ReLU()
                Dropout(dropout, file: file, line: line)
                unit(4096, classes)
            }
        )
    }
}
