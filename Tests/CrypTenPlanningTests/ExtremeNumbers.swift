import CrypTenBase
import CrypTenExpressions
import CrypTenPlanning
import CrypTenRing
import Testing

/// Numbers at the ends of what arguments can be, and where conversions go wrong.
enum ExtremeNumbers {
    static let reals: [Double] = {
        let sizes: [Double] = [
            0, .leastNonzeroMagnitude, .leastNormalMagnitude, 1e-38, 0x1p-63, 1e-10, 0x1p-24, 0.1, 0.249, 0.25, 0.5, 1,
            1.5, 3, 100,
            448, 449, 0x1p20, 1e6, 0x1p31, 0x1p32, 1e9, 0x1p46, 0x1p47, 0x1p53, 0x1p61, 0x1p62, 0x1p63, 0x1p64, 1e19,
            1e38,
            Double(Float.greatestFiniteMagnitude), 1e300, .greatestFiniteMagnitude, .infinity,
        ]
        return sizes + sizes.map { -$0 } + [.nan]
    }()

    static let integers: [Int] = {
        let sizes = [
            0, 1, 2, 3, 4, 5, 7, 63, 64, 65, 1000, 1 << 16, 1 << 18, 1 << 20, 1 << 24, 1 << 31, 1 << 32, 1 << 40,
            1 << 53, 1 << 61,
            1 << 62, .max,
        ]
        return sizes + sizes.map { -$0 } + [.min, .min + 1, 1 << 40 + 1]
    }()
}

/// Makes expressions of extreme arguments, plans them, and computes them in the clear: each is a plan or a `CrypTenError`.
///
/// A trap ends the process, so that whatever ends has none.
struct ExtremeWalk {
    /// How many expressions there were, and of how many there were plans.
    private(set) var expressions = 0
    private(set) var plans = 0
    private let fractionBits: [Int]
    private static let mostWork = 1 << 16

    init(fractionBits: [Int] = [4, 16, 28]) {
        self.fractionBits = fractionBits
    }

    mutating func visit(_ name: @autoclosure () -> String, _ make: () throws -> [CrypTensor]) {
        expressions += 1
        do {
            for tensor in try make() {
                do { try plan(tensor) } catch let error as CrypTenError { check(error, name()) }
            }
        } catch let error as CrypTenError {
            check(error, name())
        } catch {
            Issue.record("\(name()): \(error) has no code")
        }
    }

    private mutating func plan(_ tensor: CrypTensor) throws {
        if let error = tensor.error { throw error }
        let (graph, _) = try Simplify.graph(of: [(tensor.node, .reveal(to: nil))])
        for bits in fractionBits {
            _ = try Planner(parties: 2, fractionBits: bits, slabBits: 15).plan(graph, kept: [])
            plans += 1
        }
        guard ClearEvaluator.work(of: [tensor.node]) <= ExtremeWalk.mostWork else { return }
        _ = try ClearEvaluator { ExtremeWalk.value(of: $0) }.evaluate([tensor.node])
    }

    /// An error says what is wrong.
    private func check(_ error: CrypTenError, _ name: String) {
        if error.message.count < 10 { Issue.record("\(name): \(error)") }
    }

    // MARK: Operands

    private static func value(of node: Node) -> Tensor {
        switch node.kind {
        case .real: Tensor((0..<node.shape.count).map { Double($0 % 7) - 2.5 }, shape: node.shape)
        case .integer: Tensor((0..<node.shape.count).map { Int64($0 % 5) - 1 }, shape: node.shape)
        case .bit: Tensor(.bool((0..<node.shape.count).map { $0 % 2 == 0 }), shape: node.shape)
        }
    }

    /// An operand of any shape; its numbers are made where it is small.
    static func operand(_ shape: Shape, _ kind: ElementKind = .real, number: Int = 0) -> CrypTensor {
        CrypTensor(
            Node(
                source: .input(owner: .party(0), number: number),
                shape: shape,
                kind: kind,
                visibility: .secret,
                session: nil
            )
        )
    }
}
