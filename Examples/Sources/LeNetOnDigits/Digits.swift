import CrypTen
import ExampleSupport
import Foundation

/// Images of 28 × 28 points between 0 and 1, and one-hot labels, divided into those that are learnt from and those that test.
struct Digits: Sendable {
    let trainingImages: Tensor
    let trainingLabels: Tensor
    let testImages: Tensor
    let testLabels: Tensor

    /// Reads files as each party has them.
    init(images: String, labels: String, training: Int, test: Int) throws {
        let images = try Digits.enlarged(try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: images)))
        let classes = try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: labels)).integers ?? []
        let count = training + test
        guard images.shape[0] >= count, classes.count == images.shape[0] else {
            throw Failure(
                "\(images.shape[0]) images and \(classes.count) labels; \(count) of each are needed, as many of one as of the other"
            )
        }
        guard classes.allSatisfy({ (0..<10).contains($0) }) else { throw Failure("a label is none of 0 to 9") }
        let oneHot = Tensor(
            .bool(classes.flatMap { label in (0..<10).map { $0 == label } }),
            shape: [classes.count, 10]
        )
        (trainingImages, trainingLabels) = (images.rows(0..<training), oneHot.rows(0..<training))
        (testImages, testLabels) = (images.rows(training..<count), oneHot.rows(training..<count))
    }

    /// Images of 28 × 28 points as they are, those of 8 × 8 with each point nine times and a margin of two.
    private static func enlarged(_ images: Tensor) throws -> Tensor {
        let count = images.shape.dimensions.first ?? 0
        let points = count == 0 ? 0 : images.shape.count / count
        let scale = images.kind == .integer ? 1 / 255.0 : 1
        let numbers = images.doubles.map { $0 * scale }
        switch points {
        case 28 * 28:
            return Tensor(numbers, shape: [count, 1, 28, 28])
        case 8 * 8:
            var out = [Double](repeating: 0, count: count * 28 * 28)
            for image in 0..<count {
                for y in 0..<24 {
                    for x in 0..<24 {
                        out[(image * 28 + y + 2) * 28 + x + 2] = numbers[(image * 8 + y / 3) * 8 + x / 3]
                    }
                }
            }
            return Tensor(out, shape: [count, 1, 28, 28])
        default:
            throw Failure("images of shape \(images.shape): they have 28 × 28 or 8 × 8 points")
        }
    }

    /// Which part of the test images has its largest score at its label.
    func recognised(by scores: Tensor) -> Double {
        share(of: scores.rowWinners, equalTo: testLabels.rowWinners)
    }
}
