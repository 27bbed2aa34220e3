import ArgumentParser
import CrypTen
import CrypTenONNX
import ExampleSupport
import Foundation

/// How good one party's network is on another party's data, which neither shows the other.
@main
struct PrivateEvaluation: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "PrivateEvaluation",
        abstract: "How good one party's network is on another's labelled data.",
        discussion: """
            Party 0 has a network, party 1 data and labels. Both learn the confusion matrix, which accuracy, precision and recall follow from, \
            and the F1 scores, computed in secret; nobody learns which row was right.
            """
    )

    @Option(help: "The network (.onnx), of one input and one output with a score for each class; party 0's.")
    var model = repositoryFile("Sources/CrypTenTool/Resources/digits/cnn.onnx")

    @Option(help: "What it is tested with (.npy), a row for each example; party 1's.")
    var data = repositoryFile("Sources/CrypTenTool/Resources/digits/x_test.npy")

    @Option(help: "Their classes (.npy), whole numbers from 0; party 1's.")
    var labels = repositoryFile("Sources/CrypTenTool/Resources/digits/y_test.npy")

    @Option(help: "How many parties there are; those after the first two only compute.")
    var parties = 2

    @Option(help: "How many rows a run takes at once.")
    var batchSize = 120

    func validate() throws {
        guard parties >= 2, batchSize >= 1 else {
            throw ValidationError("there are two parties or more, and a row in a batch")
        }
    }

    func run() async throws {
        let network = try ONNXModel(contentsOf: URL(fileURLWithPath: model))
        let x = try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: data))
        let y = try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: labels))
        print(
            "party 0 has '\(network.name)' with \(network.parameters.reduce(0) { $0 + $1.shape.count }) secret weights"
        )
        print("party 1 has \(x.shape[0]) labelled examples of shape \(Shape(Array(x.shape.dimensions.dropFirst())))")

        let clear = try ClearCounts(of: network, x, y)
        let told = try await withLocalParties(parties) { session in
            let metrics = try await evaluate(x, y, on: session) { print("\($0) of \(x.shape[0]) rows are counted") }
            return (metrics: metrics, spent: try await session.statistics)
        }
        let metrics = told[0].metrics
        try require(told[1].metrics == metrics, "the parties learnt different metrics")
        printMatrix(metrics.counts, metrics.f1)
        print("accuracy \(percent(metrics.accuracy)); in the clear \(percent(clear.accuracy))")
        print(summary(of: told.map(\.spent)))
        // A row whose two largest scores are nearly equal may be taken for the other class.
        try require(metrics.counts.reduce(0, +) == x.shape[0], "not all rows are counted")
        try require(
            clear.rowsCountedElsewhere(in: metrics.counts) <= x.shape[0] / 200,
            "the matrix isn't the clear one"
        )
        try require(metrics.isConsistent, "an F1 score isn't that of the matrix")
    }

    /// What both parties learn.
    struct Metrics: Equatable, Sendable {
        /// At [k, l], row by row, the examples of class k that are taken for l.
        var counts: [Int]
        var accuracy: Double
        var f1: [Double]
    }

    /// What each party runs; files are read by whom they belong to.
    private func evaluate(
        _ x: Tensor,
        _ y: Tensor,
        on session: Session,
        _ report: (_ rows: Int) -> Void
    ) async throws -> Metrics {
        let network = try await session.load(onnx: URL(fileURLWithPath: model), from: .party(0))
        let examples = try await TensorDataset(
            try await session.input(from: .party(1), name: "examples") { x },
            try await session.input(from: .party(1), name: "classes") { y },
            on: session
        )
        // Batches' matrices add up, and none but the last sum is told.
        var total: ConfusionMatrix?
        for rows in BatchOrder(count: examples.count, batchSize: batchSize, seed: nil).batches(ofEpoch: 0) {
            let batch = examples[rows]
            let matrix = ConfusionMatrix(network(batch[0]), labels: batch[1])
            let sum = total.map { $0 + matrix } ?? matrix
            let kept = try await session.evaluate([sum.counts])
            total = ConfusionMatrix(counts: kept[0], rows: sum.rows)
            if session.party == .party(0) { report(sum.rows) }
        }
        guard let total, let told = try await session.reveal([total.counts, total.accuracy, total.f1Scores], to: .all)
        else {
            throw Failure("there are no rows")
        }
        let counts = told[0].integers ?? []
        return Metrics(counts: counts.map { Int($0) }, accuracy: told[1].doubles[0], f1: told[2].doubles)
    }

    private func printMatrix(_ counts: [Int], _ f1: [Double]) {
        let headings = ["class"] + f1.indices.map { "as \($0)" } + ["F1 score"]
        print(headings.map { "  " + $0 }.joined())
        for k in f1.indices {
            let cells = f1.indices.map { "\(counts[k * f1.count + $0])" }
            print(row(["\(k)"] + cells + [fixed(f1[k], 4)], under: headings))
        }
    }
}

extension PrivateEvaluation.Metrics {
    /// Whether the F1 scores are 2·TP / (2·TP + FP + FN) of the counts, within what is documented of them.
    fileprivate var isConsistent: Bool {
        f1.indices.allSatisfy { k in
            let members = f1.indices.reduce(0) { $0 + counts[k * f1.count + $1] }
            let taken = f1.indices.reduce(0) { $0 + counts[$1 * f1.count + k] }
            let exact = members + taken == 0 ? 0 : Double(2 * counts[k * f1.count + k]) / Double(members + taken)
            return abs(f1[k] - exact) < 1e-4
        }
    }
}
