import CrypTen
import CrypTenONNX
import ExampleSupport

/// The same evaluation by somebody who sees all of it.
struct ClearCounts: Sendable {
    /// At [k, l], row by row, the examples of class k whose largest score is that of l.
    let counts: [Int]
    let accuracy: Double

    init(of network: ONNXModel, _ x: Tensor, _ y: Tensor) throws {
        var weights = ParameterTree()
        for parameter in network.parameters {
            weights[parameter.name] = parameter.value.map { CrypTensor(constant: $0) }
        }
        let module = ONNXModule(model: network, parameters: weights)
        let scores = try valuesInTheClear(of: [module(CrypTensor(constant: x))])[0]
        guard let classes = y.integers, scores.shape.rank == 2, scores.shape[0] == classes.count else {
            throw Failure("a network with a score for each class, and a whole number for each row, are needed")
        }
        let width = scores.shape[1]
        guard classes.allSatisfy({ (0..<Int64(width)).contains($0) }) else {
            throw Failure("a label is none of the network's \(width) classes")
        }
        var counts = [Int](repeating: 0, count: width * width)
        for (winner, label) in zip(scores.rowWinners, classes) { counts[Int(label) * width + winner] += 1 }
        self.counts = counts
        accuracy = Double((0..<width).reduce(0) { $0 + counts[$1 * width + $1] }) / Double(classes.count)
    }

    /// How many rows another matrix counts at another place.
    func rowsCountedElsewhere(in other: [Int]) -> Int {
        zip(counts, other).reduce(0) { $0 + max(0, $1.0 - $1.1) }
    }
}
