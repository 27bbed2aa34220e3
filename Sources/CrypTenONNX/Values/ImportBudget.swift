internal import CrypTenBase
internal import CrypTenRing
internal import Synchronization

/// What may be computed of constants while a model is read, or while its expressions are made: a hostile graph of a few
/// bytes must not ask for more memory, or more time, than its own tensors justify.
///
/// Counted in elements of all results together, which are kept until the model is made: `16` for each element of the model's
/// constants, and `2^22` besides, for shapes, masks and positions. A single result has at most `2^22` elements, or as many
/// as the constants have.
///
/// Nodes of graphs that run more than once, in loops, are counted apart: at most `2^17` runs of one node, whatever the constants are, so
/// that who has the weights unrolls as much as who doesn't.
final class ImportBudget: Sendable {
    /// For what a model computes of small constants: a causal mask of 2048 positions is as large.
    static let allowance = 1 << 22
    private static let factor = 16

    /// The budget of the import under way.
    @TaskLocal private static var current: ImportBudget?

    private let largest: Int
    private let left: Mutex<Int>
    private let runs = Mutex(mostRuns)
    /// How often nodes of nested graphs may run, all together.
    static let mostRuns = 1 << 17

    /// - Parameter constants: The elements of all constants whose numbers are there.
    init(constants: Int) {
        largest = max(ImportBudget.allowance, constants)
        left = Mutex(ImportBudget.allowance + ImportBudget.factor * constants)
    }

    /// Runs an import under a budget of its own.
    static func limiting<Result>(constants: Int, _ body: () throws -> Result) rethrows -> Result {
        try $current.withValue(ImportBudget(constants: constants), operation: body)
    }

    /// Counts a result of the import under way before it is made.
    ///
    /// - Parameters:
    ///   - count: Its elements.
    ///   - work: Steps that it takes, in elements computed, where these are more.
    ///   - what: Names it in the error.
    /// - Throws: `CrypTenError.Code.shapeMismatch` where it is too large, or too much together with those before.
    static func spend(_ count: Int, work: Int = 0, for what: @autoclosure () -> String) throws {
        guard let current else { preconditionFailure("what is computed at import has a budget") }
        guard current.takes(count, max(count, work)) else {
            throw CrypTenError(
                .shapeMismatch,
                "\(what()) would be computed while the model is read, which is unsupported in a model with so few constants"
            )
        }
    }

    /// Counts one run of a graph inside a node before it begins.
    static func run(_ body: GraphBody, in node: GraphNode) throws {
        // A node that reads very many values takes time for them.
        try run(turns: body.nodes.reduce(1 + body.captures.count / 16) { $0 + 1 + $1.inputs.count / 16 }, in: node)
    }

    /// Counts steps that make a node's result, or run nodes of its graph.
    static func run(turns: Int, in node: GraphNode) throws {
        guard let current else { preconditionFailure("what is made at import has a budget") }
        let isWithin = current.runs.withLock { left in
            guard turns <= left else { return false }
            left -= turns
            return true
        }
        guard isWithin else {
            throw unsupportedOperator(
                node.operation,
                node: node.name,
                why:
                    "it takes too many steps: what a model makes is written out when it is read, and its loops run at most \(mostRuns) "
                    + "nodes altogether"
            )
        }
    }

    private func takes(_ count: Int, _ cost: Int) -> Bool {
        guard count <= largest else { return false }
        return left.withLock { left in
            guard cost <= left else { return false }
            left -= cost
            return true
        }
    }
}
