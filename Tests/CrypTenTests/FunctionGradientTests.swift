import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Testing

/// Every function and its gradients, against PyTorch's in double.
@Suite("Functions and their gradients against PyTorch's")
struct FunctionGradientTests {
    /// Second gradients that are others than PyTorch's by design, and by how much.
    ///
    /// Those of gated activations take x within ±8, where it is a factor of what has nearly vanished: with the gate's scale α, `(α·|x| − 8)`
    /// times `α·e^(−α·|x|)` are missing beyond, which is `α·e⁻⁹` at most. Weights and directions are at most 1.
    static let secondAllowances: [String: Double] = ["silu": 1.3e-4, "mish": 1.3e-4, "swish": 1.3e-4 * 1.702]

    /// By how much the bound between parties is wider than 10⁻³ of a number, or 2⁻¹², for functions whose documented error is.
    ///
    /// The gradient of a secret mask of rows goes through the reciprocal of its sum, and cancels: twenty runs were at 1.2 times 10⁻³ or 2⁻¹²,
    /// all other numbers at most at 0.9.
    static let widerBounds: [String: Double] = ["crossEntropy": 1.5]

    static let cases: [FunctionCase] = {
        struct Content: Decodable { var cases: [FunctionCase] }
        return (try? Fixture.read("function-gradients.json", as: Content.self).cases) ?? []
    }()

    @Test("each function of the table has cases, and each case is of a function of the table")
    func complete() throws {
        let functions = Set(Self.cases.map(\.function))
        #expect(functions == Set(FunctionTable.entries.keys))
        print("\(functions.count) functions have \(Self.cases.count) cases")
    }

    @Test("in the clear values, gradients and second gradients are PyTorch's, within 10⁻⁶")
    func clear() throws {
        var report = DeviationReport()
        for item in Self.cases {
            do {
                let found = try Self.clearNumbers(of: item)
                for (numbers, expected) in zip(found, item.expectations) {
                    let allowance = expected.isSecond ? Self.secondAllowances[item.function] ?? 0 : 0
                    report.compare(numbers, with: expected.numbers, expected.name, of: item) {
                        1e-6 * (1 + $0.magnitude) + allowance
                    }
                }
            } catch {
                report.fail(item, "\(error)")
            }
        }
        for problem in report.problems { Issue.record("\(problem)") }
    }

    @Test("between two parties values and gradients are PyTorch's, within 10⁻³ of them or 2⁻¹²")
    func secret() async throws {
        #expect(Self.widerBounds.values.allSatisfy { $0 <= 4 })
        let cases = Dictionary(grouping: Self.cases, by: \.function)
        let functions = cases.keys.sorted()
        var report = DeviationReport()
        // A session that an error ends takes no more than a few functions with it.
        for start in stride(from: 0, to: functions.count, by: 16) {
            let batch = functions[start..<min(start + 16, functions.count)].map { cases[$0]! }
            let answers = try await withLocalParties(2) { session in
                var answers: [Answer] = []
                for cases in batch { answers.append(await Self.secretNumbers(of: cases, on: session)) }
                return answers
            }
            for ((cases, answer), other) in zip(zip(batch, answers[0]), answers[1]) {
                switch answer {
                case .success(let found):
                    #expect((try? other.get()) == found, "\(cases[0].function): the parties learn the same")
                    for (item, found) in zip(cases, found) {
                        let wider = Self.widerBounds[item.function] ?? 1
                        for (numbers, expected) in zip(found, item.expectations) {
                            report.compare(numbers, with: expected.numbers, expected.name, of: item) {
                                wider * max(0x1p-12, 1e-3 * $0.magnitude)
                            }
                        }
                    }
                case .failure(let error):
                    report.fail(cases[0], "\(error)")
                }
            }
        }
        print("nearest to their bounds between parties: \(report.nearest(24))")
        for problem in report.problems { Issue.record("\(problem)") }
    }

    // MARK: Runs

    /// For each case the numbers of its value and its gradients, or what went wrong.
    typealias Answer = Result<[[[Double]]], FixtureError>

    static func clearNumbers(of item: FunctionCase) throws -> [[Double]] {
        let tensors = item.inputs.enumerated().map { number, input in
            CrypTensor(
                Node(
                    source: .input(owner: .party(0), number: number),
                    shape: input.shape,
                    kind: .real,
                    visibility: .secret,
                    session: nil
                )
            )
        }
        let evaluator = ClearEvaluator { node in
            guard case .input(_, let number) = node.operation else {
                throw FixtureError(description: "\(node.operation.name) is no input")
            }
            return item.inputs[number].tensor
        }
        let expressions = try item.expressions(on: tensors, withSecond: true)
        return numbers(try evaluator.evaluate(expressions.compactMap { $0?.node }), of: expressions, item)
    }

    /// The same of several cases as one run, in which the parties take turns at giving inputs.
    static func secretNumbers(of cases: [FunctionCase], on session: Session) async -> Answer {
        do {
            var expressions: [[CrypTensor?]] = []
            var turn = 0
            for item in cases {
                var tensors: [CrypTensor] = []
                for input in item.inputs {
                    tensors.append(
                        try await session.input(from: .party(turn % 2), shape: input.shape) { input.tensor }
                    )
                    turn += 1
                }
                expressions.append(try item.expressions(on: tensors, withSecond: false))
            }
            guard let revealed = try await session.reveal(expressions.flatMap { $0.compactMap(\.self) }, to: .all)
            else {
                throw FixtureError(description: "nothing was revealed")
            }
            var rest = revealed[...]
            return .success(
                zip(cases, expressions).map { item, expressions in
                    let count = expressions.count { $0 != nil }
                    defer { rest = rest.dropFirst(count) }
                    return numbers(Array(rest.prefix(count)), of: expressions, item)
                }
            )
        } catch {
            return .failure(FixtureError(description: "\(error)"))
        }
    }

    /// The numbers of a case's expressions, zeros where there is none.
    private static func numbers(
        _ tensors: [Tensor],
        of expressions: [CrypTensor?],
        _ item: FunctionCase
    ) -> [[Double]] {
        var rest = tensors[...]
        return zip(expressions, item.expectations).map { expression, expected in
            expression == nil
                ? [Double](repeating: 0, count: expected.numbers.count) : rest.popFirst()?.doubles ?? []
        }
    }
}
