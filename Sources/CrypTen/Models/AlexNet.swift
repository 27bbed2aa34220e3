extension FeatureClassifier {
    /// AlexNet on images of 63 × 63 or more, 224 × 224 by design, as torchvision has it; Krizhevsky 2014.
    ///
    /// 61,100,840 numbers for 1,000 classes.
    ///
    /// - Parameters:
    ///   - classes: How many.
    ///   - dropout: The probability with which the classifier's units are dropped in training.
    public static func alexNet(
        classes: Int = 1000,
        dropout: Double = 0.5,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> FeatureClassifier {
        func convolution(_ from: Int, _ to: Int, _ size: IntOrPair, stride: IntOrPair = 1, padding: Padding) -> Conv2d {
            Conv2d(from, to, kernelSize: size, stride: stride, padding: padding, file: file, line: line)
        }
        return FeatureClassifier(
            Sequential {
                convolution(3, 64, 11, stride: 4, padding: 2)
                ReLU()
                MaxPool2d(3, stride: 2)
                convolution(64, 192, 5, padding: 2)
                ReLU()
                MaxPool2d(3, stride: 2)
                convolution(192, 384, 3, padding: 1)
                ReLU()
                convolution(384, 256, 3, padding: 1)
                ReLU()
                convolution(256, 256, 3, padding: 1)
                ReLU()
                MaxPool2d(3, stride: 2)
            },
            pooledTo: [6, 6],
            classifier: Sequential {
                Dropout(dropout, file: file, line: line)
                Linear(9216, 4096, file: file, line: line)
                ReLU()
                Dropout(dropout, file: file, line: line)
                Linear(4096, 4096, file: file, line: line)
                ReLU()
                Linear(4096, classes, file: file, line: line)
            }
        )
    }
}
