import ArgumentParser
import CrypTen

/// What is made small.
enum TrainingLoss: String, ExpressibleByArgument, CaseIterable, Codable, Sendable {
    case crossEntropy = "cross-entropy"
    case binaryCrossEntropy = "binary-cross-entropy-with-logits"
    case hinge
    case mse
    case l1

    /// What labels are.
    enum Labels {
        /// Whole numbers from 0 up to the number of classes less one.
        case classes
        /// 0 or 1.
        case bits
        /// Numbers, as many as the network gives.
        case numbers
    }

    var labels: Labels {
        switch self {
        case .crossEntropy: .classes
        case .binaryCrossEntropy, .hinge: .bits
        case .mse, .l1: .numbers
        }
    }

    /// The mean loss of a batch.
    ///
    /// - Parameters:
    ///   - scores: What the network gives: `[N, C]` for classes, `[N]` or `[N, 1]` for bits.
    ///   - labels: As ``encoded(_:scores:name:)`` gives them.
    func value(_ scores: CrypTensor, _ labels: CrypTensor) -> CrypTensor {
        switch self {
        case .crossEntropy: return CrypTen.crossEntropy(scores, labels: labels)
        case .binaryCrossEntropy: return binaryCrossEntropyWithLogits(scores.flatten(), labels)
        case .hinge: return hingeLoss(scores.flatten(), labels: labels)
        case .mse: return mseLoss(scores, labels)
        case .l1: return l1Loss(scores, labels)
        }
    }

    /// The shape of the scores of one example where it isn't one that this loss takes: what is wrong with it.
    func problem(ofScores shape: Shape) -> String? {
        switch labels {
        case .classes:
            shape.rank == 2 && shape[1] > 1 ? nil : "takes a network that gives a score for each class, [N, C]"
        case .bits:
            shape.rank == 1 || shape.rank == 2 && shape[1] == 1
                ? nil : "takes a network that gives one score a row, [N, 1]"
        case .numbers: nil
        }
    }

    /// Labels as the loss takes them, at their owner.
    ///
    /// - Parameters:
    ///   - scores: The shape of what the network gives.
    ///   - name: What errors call them.
    /// - Throws: `.outOfRange` naming the first label that is none, `.shapeMismatch`.
    func encoded(_ tensor: Tensor, scores: Shape, name: String) throws -> Tensor {
        let perRow = scores.count / max(1, scores[0])
        switch labels {
        case .classes:
            let classes = scores[1]
            // Rows of ones and zeros are taken as they are.
            if tensor.shape.rank == 2, tensor.shape[1] == classes { return try shares(tensor, name) }
            let integers = try whole(tensor, below: classes, name)
            var bits = [Double](repeating: 0, count: integers.count * classes)
            for (row, label) in integers.enumerated() { bits[row * classes + label] = 1 }
            return Tensor(bits, shape: [integers.count, classes])
        case .bits:
            return Tensor(try whole(tensor, below: 2, name).map(Double.init), shape: [tensor.shape.count])
        case .numbers:
            let rows = tensor.shape.rank == 0 ? 0 : tensor.shape[0]
            guard tensor.shape.count == rows * perRow else {
                throw CrypTenError(
                    .shapeMismatch,
                    "\(name) has shape \(tensor.shape), and the network gives \(perRow) numbers a row"
                )
            }
            return Tensor(tensor.doubles, shape: Shape([rows] + scores.dimensions.dropFirst()))
        }
    }

    /// Rows of numbers from 0 to 1 that add up to 1, such as ones among zeros.
    private func shares(_ tensor: Tensor, _ name: String) throws -> Tensor {
        let numbers = tensor.doubles
        let classes = tensor.shape[1]
        for row in 0..<tensor.shape[0] {
            let part = numbers[row * classes..<(row + 1) * classes]
            guard part.allSatisfy((0...1).contains), abs(part.reduce(0, +) - 1) < 1e-3 else {
                throw CrypTenError(
                    .outOfRange,
                    "\(name) of shape \(tensor.shape): row \(row) isn't one of numbers from 0 to 1 that add up to 1; give numbers of classes, [N]"
                )
            }
        }
        return Tensor(numbers, shape: tensor.shape)
    }

    private func whole(_ tensor: Tensor, below limit: Int, _ name: String) throws -> [Int] {
        guard tensor.shape.rank == 1 || tensor.shape.rank == 2 && tensor.shape[1] == 1 else {
            throw CrypTenError(.shapeMismatch, "\(name) has shape \(tensor.shape): one label a row is taken, [N]")
        }
        return try tensor.doubles.enumerated().map { row, number in
            guard let label = Int(exactly: number), (0..<limit).contains(label) else {
                throw CrypTenError(
                    .outOfRange,
                    "\(name): the label of row \(row) is \(number), and labels are whole numbers from 0 to \(limit - 1)"
                )
            }
            return label
        }
    }
}
