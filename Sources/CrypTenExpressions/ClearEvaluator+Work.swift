internal import CrypTenRing

extension ClearEvaluator {
    /// What evaluating expressions takes, and whether all machines get the same bits.
    package struct Work: Hashable, Sendable {
        /// Elements computed, and products of matrices counted as so many as take that long.
        package var elements: Int
        /// Whether nothing but the arithmetic of IEEE 754 is used: a platform's library may round its functions another way.
        package var isReproducible: Bool
    }

    /// What evaluating expressions takes: a bound to check before it is done.
    package static func work(of nodes: [Node]) -> Work {
        var work = Work(elements: 0, isReproducible: true)
        func add(_ count: Int) {
            let (sum, overflows) = work.elements.addingReportingOverflow(count)
            work.elements = overflows ? .max : sum
        }
        for node in order(of: nodes) {
            add(node.shape.count)
            switch node.operation {
            case .bilinear(let operation):
                add(operation.multiplyAccumulates(node.inputs[0].shape, node.inputs[1].shape) / 64)
            case .sum, .maximum, .argmax:
                add(node.inputs[0].shape.count)
            case .sine, .cosine, .exponential, .logarithm, .normalizedExponential, .logarithmOfExponentials, .piecewise,
                .smooth:
                work.isReproducible = false
            default:
                break
            }
        }
        return work
    }
}
