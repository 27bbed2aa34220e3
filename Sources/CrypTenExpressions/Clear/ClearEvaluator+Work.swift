internal import CrypTenRing

extension ClearEvaluator {
    /// What evaluating expressions takes: a bound to check before it is done.
    ///
    /// Elements computed, and products of matrices counted as so many as take that long.
    package static func work(of nodes: [Node]) -> Int {
        var work = 0
        func add(_ count: Int) {
            let (sum, overflows) = work.addingReportingOverflow(count)
            work = overflows ? .max : sum
        }
        for node in order(of: nodes) {
            add(node.shape.count)
            switch node.operation {
            case .bilinear(let operation):
                add(operation.multiplyAccumulates(node.inputs[0].shape, node.inputs[1].shape) / 64)
            case .sum, .maximum, .argmax, .winners:
                add(node.inputs[0].shape.count)
            default:
                break
            }
        }
        return work
    }
}
