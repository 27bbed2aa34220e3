import CrypTen
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Testing

/// The gradients of a module's parameters and inputs at each step of `module-steps.json`, against PyTorch's in double.
@Suite("Gradients of modules are PyTorch's")
struct ModuleGradientTests {
    /// By how much the bound between parties is wider than 10⁻³ of a number, or 2⁻¹².
    ///
    /// Of a convolution before a batch normalisation the kernel's gradient sums over all places what a normalisation's has rounded: twenty runs
    /// were at most at 1.03 times 10⁻³ or 2⁻¹², those of other modules at 0.8.
    static let widerBounds: [String: Double] = ["Sequential": 2]

    /// The state of a module before a step: its parameters, and its buffers as the step before has left them.
    static func state(of item: ModuleCase, before step: Int) -> [FixtureTensor] {
        let buffers = item.buffers.map { buffer in
            var buffer = buffer
            if step > 0, let values = item.steps[step - 1].buffers[buffer.name] { buffer.values = values }
            return buffer
        }
        return item.parameters + buffers
    }

    /// What is expected of a step, in the order of `expressions`.
    static func expected(of item: ModuleCase, _ step: ModuleCase.Step) -> [(name: String, numbers: [Double])] {
        item.parameters.map { ($0.name, step.parameterGradients[$0.name] ?? []) }
            + zip(step.inputs, step.inputGradients).compactMap { input, numbers in numbers.map { (input.name, $0) } }
    }

    /// The gradients of a step with respect to the parameters, and to the inputs that are real.
    ///
    /// - Parameters:
    ///   - state: The parameters, then the buffers.
    ///   - inputs: What the module is called with.
    static func expressions(
        of item: ModuleCase,
        _ step: ModuleCase.Step,
        state: [CrypTensor],
        inputs: [CrypTensor]
    ) throws -> [CrypTensor] {
        var subject = try item.make()
        let names = (item.parameters + item.buffers).map(\.name)
        try subject.module.load(ParameterTree(zip(names, state).map { ($0, $1) }))
        subject.module = subject.module.training(step.mode == "training")
        let (outputs, _) = withRecordedState(of: subject.module) { subject.outputs(subject.module, inputs) }
        guard outputs.count == step.outputs.count else {
            throw FixtureError(description: "\(outputs.count) outputs instead of \(step.outputs.count)")
        }
        let terms = zip(outputs, step.outputs).map { output, expected in
            (output * CrypTensor(constant: Tensor(expected.weights, shape: Shape(expected.shape)))).sum()
        }
        let tensors = state.prefix(item.parameters.count) + inputs.filter { $0.kind == .real }
        return gradient(of: terms.dropFirst().reduce(terms[0], +), withRespectTo: Array(tensors))
    }

    @Test("in the clear gradients of parameters and inputs are PyTorch's, within 10⁻⁶")
    func clear() throws {
        var report = DeviationReport()
        var (compared, steps) = (0, 0)
        for item in ModuleCase.all {
            for (number, step) in item.steps.enumerated() {
                do {
                    let numbers = (Self.state(of: item, before: number) + step.inputs).map(\.tensor)
                    // Integers are public words.
                    let tensors = numbers.map { $0.kind == .real ? Secrets.tensor($0.shape) : CrypTensor(constant: $0) }
                    let values = Dictionary(
                        uniqueKeysWithValues: zip(tensors, numbers).map { (ObjectIdentifier($0.node), $1) }
                    )
                    let count = item.parameters.count + item.buffers.count
                    let expressions = try Self.expressions(
                        of: item,
                        step,
                        state: Array(tensors.prefix(count)),
                        inputs: Array(tensors.dropFirst(count))
                    )
                    let evaluator = ClearEvaluator { node in
                        guard let value = values[ObjectIdentifier(node)] else {
                            throw FixtureError(description: "\(node.operation.name) is no input")
                        }
                        return value
                    }
                    let found = try evaluator.evaluate(expressions.map(\.node))
                    let expected = Self.expected(of: item, step)
                    #expect(found.count == expected.count, "\(item.testDescription)")
                    for (tensor, expected) in zip(found, expected) {
                        report.compare(tensor.doubles, with: expected.numbers, expected.name, of: item) {
                            1e-6 * (1 + $0.magnitude)
                        }
                        compared += 1
                    }
                    steps += 1
                } catch {
                    report.fail(item, "\(error)")
                }
            }
        }
        print("\(compared) gradients of \(steps) steps of \(ModuleCase.all.count) modules")
        for problem in report.problems { Issue.record("\(problem)") }
    }

    @Test("between two parties they are PyTorch's, within 10⁻³ of them or 2⁻¹²")
    func secret() async throws {
        #expect(Self.widerBounds.values.allSatisfy { $0 <= 4 })
        var report = DeviationReport()
        let all = ModuleCase.all
        // A session that an error ends takes no more than a few modules with it.
        for start in stride(from: 0, to: all.count, by: 8) {
            let batch = Array(all[start..<min(start + 8, all.count)])
            let answers = try await withLocalParties(2) { session in
                var answers: [Result<[[Double]], FixtureError>] = []
                for item in batch { answers.append(await Self.secretNumbers(of: item, on: session)) }
                return answers
            }
            for ((item, answer), other) in zip(zip(batch, answers[0]), answers[1]) {
                switch answer {
                case .success(let found):
                    #expect((try? other.get()) == found, "\(item.testDescription): the parties learn the same")
                    let expected = item.steps.flatMap { Self.expected(of: item, $0) }
                    #expect(found.count == expected.count, "\(item.testDescription)")
                    let wider = Self.widerBounds[item.module] ?? 1
                    for (numbers, expected) in zip(found, expected) {
                        report.compare(numbers, with: expected.numbers, expected.name, of: item) {
                            wider * max(0x1p-12, 1e-3 * $0.magnitude)
                        }
                    }
                case .failure(let error):
                    report.fail(item, "\(error)")
                }
            }
        }
        print("nearest to their bounds between parties: \(report.nearest(24))")
        for problem in report.problems { Issue.record("\(problem)") }
    }

    /// The gradients of all steps of a module as one run: party 1 gives the state, party 0 the inputs, words as secret integers.
    static func secretNumbers(
        of item: ModuleCase,
        on session: Session
    ) async -> Result<[[Double]], FixtureError> {
        do {
            var expressions: [CrypTensor] = []
            for (number, step) in item.steps.enumerated() {
                func given(_ tensors: [FixtureTensor], by party: PartyID) async throws -> [CrypTensor] {
                    var inputs: [CrypTensor] = []
                    for tensor in tensors.map(\.tensor) {
                        inputs.append(
                            try await session.input(from: party, shape: tensor.shape, kind: tensor.kind) { tensor }
                        )
                    }
                    return inputs
                }
                expressions += try Self.expressions(
                    of: item,
                    step,
                    state: try await given(Self.state(of: item, before: number), by: .party(1)),
                    inputs: try await given(step.inputs, by: .party(0))
                )
            }
            guard let revealed = try await session.reveal(expressions, to: .all) else {
                throw FixtureError(description: "nothing was revealed")
            }
            return .success(revealed.map(\.doubles))
        } catch {
            return .failure(FixtureError(description: "\(error)"))
        }
    }
}

extension ModuleCase: ReportedCase {
    var title: String { module }

    var summary: String {
        "(" + arguments.map { "\($0.key): \($0.value)" }.sorted().joined(separator: ", ") + ")"
    }
}
