import CrypTenBase
import CrypTenExpressions
import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import Foundation
import Testing

/// Plans as a peer could send them: decoded, so that no initialiser has seen their gates.
@Suite("A plan that can't be run is refused, and the error names the step and its gate")
struct HostilePlanTests {
    /// Slots 0 to 5 are a share, a wire, bits, numbers that all know, numbers of party 0, and another wire, of three
    /// elements each; the gate's results follow.
    private static let kept: [PlanBinding.Source] = [
        .kept(index: 0, form: .share), .kept(index: 1, form: .wire(owner: nil)), .kept(index: 2, form: .bits),
        .plain(index: 0), .input(owner: PartyID(0), index: 0), .kept(index: 3, form: .wire(owner: 1)),
    ]

    private static func plan(_ gate: PlanGate, _ inputs: [Int], outputs: Int = 1, shape: Shape = [3]) -> Plan {
        Plan(
            parties: 2,
            fractionBits: 16,
            slabBits: 15,
            slots: kept.count + outputs,
            bindings: kept.enumerated().map {
                PlanBinding(slot: $0, source: $1, shape: shape, kind: .integer, scale: 0)
            },
            steps: [
                PlanStep(gate: gate, inputs: inputs, outputs: Array(kept.count..<kept.count + outputs), layer: nil)
            ],
            outputs: []
        )
    }

    /// The plan's bytes with a text replaced, read again.
    private static func changed(_ plan: Plan, _ old: String, _ new: String) throws -> Plan {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let text = String(decoding: try encoder.encode(plan), as: UTF8.self)
        #expect(text.contains(old), "\(text) has no \(old)")
        return try JSONDecoder().decode(Plan.self, from: Data(text.replacingOccurrences(of: old, with: new).utf8))
    }

    private func refusal(_ plan: Plan) -> String? {
        let error = #expect(throws: CrypTenError.self) { try plan.validate() }
        #expect(error?.code == .malformedFile)
        return error?.message
    }

    struct Field: Sendable, CustomTestStringConvertible {
        var gate: PlanGate
        var inputs: [Int]
        var outputs = 1
        var old: String
        var new: String

        var testDescription: String { "\(type(of: gate.gate).name): \(new)" }
    }

    private static let exponential = ExponentialGate(shape: [3], offset: 0, octaves: 29, tableBits: 17, factorBits: 16)
    private static let series = TrigonometricGate(shape: [3], cosines: [1, 2], sines: [3, 4])
    private static let magnitude = MagnitudeGate(shape: [3], positions: [8, 16], isSigned: false)
    private static let stepProduct = StepProductGate(
        shape: [3],
        form: WireForm(),
        bits: 1,
        steps: [StepGate.Output(constant: 0, factors: [9])],
        products: [StepGate.Output(constant: 0, factors: [7])]
    )
    private static let step = StepGate(
        shape: [3],
        bits: 1,
        outputs: [StepGate.Output(constant: 7, factors: [9])]
    )
    private static let geometry = ConvolutionGeometry()

    static let fields: [Field] = [
        Field(
            gate: .input(InputGate(owner: 0, shape: [3])),
            inputs: [4],
            old: "\"input\":{\"_0\":{\"owner\":0",
            new: "\"input\":{\"_0\":{\"owner\":2"
        ),
        Field(
            gate: .reveal(RevealGate(shape: [3], receiver: 1)),
            inputs: [0],
            old: "\"receiver\":1",
            new: "\"receiver\":-1"
        ),
        Field(
            gate: .revealBits(RevealBitsGate(shape: [3], receiver: 1)),
            inputs: [2],
            old: "\"receiver\":1",
            new: "\"receiver\":7"
        ),
        Field(
            gate: .truncate(TruncateGate(shape: [3], form: WireForm(), shift: 16)),
            inputs: [1],
            old: "\"shift\":16",
            new: "\"shift\":63"
        ),
        Field(
            gate: .truncate(TruncateGate(shape: [3], form: WireForm(), shift: 16)),
            inputs: [1],
            old: "\"shift\":16",
            new: "\"shift\":-1"
        ),
        Field(
            gate: .truncateInPlace(TruncateInPlaceGate(shape: [3], shift: 16)),
            inputs: [1],
            old: "\"shift\":16",
            new: "\"shift\":0"
        ),
        Field(
            gate: .truncatedReLU(TruncatedReLUGate(shape: [3], sharesHeld: true, shift: 16)),
            inputs: [1],
            old: "\"shift\":16",
            new: "\"shift\":64"
        ),
        Field(gate: .sign(SignGate(shape: [3])), inputs: [1], old: "\"thresholds\":[0]", new: "\"thresholds\":[]"),
        Field(
            gate: .sign(SignGate(shape: [3], equality: true)),
            inputs: [1],
            outputs: 2,
            old: "\"thresholds\":[0]",
            new: "\"thresholds\":[0,1]"
        ),
        Field(gate: .exponential(exponential), inputs: [2, 1], old: "\"entries\":4", new: "\"entries\":2"),
        Field(gate: .exponential(exponential), inputs: [2, 1], old: "\"tableBits\":17", new: "\"tableBits\":14"),
        Field(gate: .exponential(exponential), inputs: [2, 1], old: "\"factorBits\":16", new: "\"factorBits\":17"),
        Field(gate: .exponential(exponential), inputs: [2, 1], old: "\"octaves\":29", new: "\"octaves\":-1"),
        Field(gate: .trigonometric(series), inputs: [1], old: "\"sines\":[3,4]", new: "\"sines\":[3]"),
        Field(gate: .trigonometric(series), inputs: [1], old: "\"cosines\":[1,2]", new: "\"cosines\":[1,4294967297]"),
        Field(gate: .step(step), inputs: [2], old: "\"factors\":[9]", new: "\"factors\":[]"),
        Field(gate: .step(step), inputs: [2], old: "\"bits\":1", new: "\"bits\":0"),
        Field(
            gate: .magnitude(magnitude),
            inputs: [1],
            outputs: 3,
            old: "\"positions\":[8,16]",
            new: "\"positions\":[]"
        ),
        Field(
            gate: .magnitude(magnitude),
            inputs: [1],
            outputs: 3,
            old: "\"positions\":[8,16]",
            new: "\"positions\":[16,8]"
        ),
        Field(
            gate: .magnitude(magnitude),
            inputs: [1],
            outputs: 3,
            old: "\"positions\":[8,16]",
            new: "\"positions\":[8,63]"
        ),
        Field(
            gate: .magnitude(magnitude),
            inputs: [1],
            outputs: 3,
            old: "\"positions\":[8,16]",
            new: "\"positions\":[1,2,3,4,5,6,7]"
        ),
        Field(gate: .stepProduct(stepProduct), inputs: [2, 1], outputs: 2, old: "\"bits\":1", new: "\"bits\":0"),
        Field(
            gate: .stepProduct(stepProduct),
            inputs: [2, 1],
            outputs: 2,
            old: "\"factors\":[9]",
            new: "\"factors\":[]"
        ),
        Field(
            gate: .polynomial(PolynomialGate(shape: [3], form: WireForm(), coefficients: [7])),
            inputs: [1],
            old: "[7]",
            new: "[]"
        ),
        Field(
            gate: .random(RandomGate(shape: [3], distribution: .uniformBits(16))),
            inputs: [],
            old: "{\"_0\":16}",
            new: "{\"_0\":65}"
        ),
        Field(
            gate: .random(RandomGate(shape: [3], distribution: .bit(.outOf(numerator: 3, bits: 5)))),
            inputs: [],
            old: "\"numerator\":3",
            new: "\"numerator\":33"
        ),
        Field(
            gate: .drawnBits(DrawnBitsGate(planes: 2, shape: [3])),
            inputs: [],
            outputs: 2,
            old: "\"planes\":2",
            new: "\"planes\":3"
        ),
        Field(
            gate: .drawnBits(DrawnBitsGate(planes: 1, shape: [3])),
            inputs: [],
            old: "\"planes\":1",
            new: "\"planes\":-1"
        ),
        Field(
            gate: .drawnBits(DrawnBitsGate(planes: 1, shape: [3])),
            inputs: [],
            old: "\"planes\":1",
            new: "\"planes\":1025"
        ),
        Field(
            gate: .permutation(PermutationGate(party: 1, shapes: [[3]])),
            inputs: [0],
            old: "\"party\":1",
            new: "\"party\":2"
        ),
        Field(
            gate: .permutation(PermutationGate(party: 1, shapes: [[3]])),
            inputs: [0],
            old: "\"party\":1",
            new: "\"party\":-1"
        ),
        Field(
            gate: .maximum(MaximumGate(shape: [3], operands: 2, sharesHeld: true)),
            inputs: [1, 5],
            old: "\"operands\":2",
            new: "\"operands\":5"
        ),
        Field(
            gate: .maximum(MaximumGate(shape: [3], operands: 2, sharesHeld: true, payload: .constants([8, 9]))),
            inputs: [1, 5],
            outputs: 2,
            old: "[8,9]",
            new: "[8]"
        ),
        Field(
            gate: .boolean(BooleanGate(outputs: [BooleanForm(products: [[0, 1]])], inputs: 2, shape: [3])),
            inputs: [2, 2],
            old: "[[0,1]]",
            new: "[[0,-1]]"
        ),
        Field(
            gate: .boolean(BooleanGate(outputs: [BooleanForm(products: [[0, 1]])], inputs: 2, shape: [3])),
            inputs: [2, 2],
            old: "\"inputs\":2",
            new: "\"inputs\":65"
        ),
        Field(
            gate: .linearBits(LinearBitsGate(outputs: [BooleanForm(products: [[0], [1]])], inputs: 2, shape: [3])),
            inputs: [2, 2],
            old: "[[0],[1]]",
            new: "[[0,1]]"
        ),
        Field(
            gate: .linear(LinearGate(.permute(axes: [0]), form: .share, shapes: [[3]])),
            inputs: [0],
            old: "\"axes\":[0]",
            new: "\"axes\":[1]"
        ),
        Field(
            gate: .linear(LinearGate(.sum(axes: [0]), form: .share, shapes: [[3]])),
            inputs: [0],
            old: "\"axes\":[0]",
            new: "\"axes\":[0,0]"
        ),
        Field(
            gate: .linear(LinearGate(.take(axis: 0, indices: [2]), form: .wire, shapes: [[3]])),
            inputs: [1],
            old: "\"indices\":[2]",
            new: "\"indices\":[3]"
        ),
        Field(
            gate: .linear(LinearGate(.slice(starts: [0], steps: [2], shape: [2]), form: .share, shapes: [[3]])),
            inputs: [0],
            old: "\"steps\":[2]",
            new: "\"steps\":[9223372036854775807]"
        ),
        Field(
            gate: .linear(LinearGate(.pad(before: [1], after: [4]), form: .bits, shapes: [[3]])),
            inputs: [2],
            old: "\"after\":[4]",
            new: "\"after\":[-4]"
        ),
        Field(
            gate: .linear(LinearGate(.combine(factors: [7]), form: .share, shapes: [[3]])),
            inputs: [0],
            old: "[7]",
            new: "[]"
        ),
        Field(
            gate: .linear(LinearGate(.reshape([3, 1]), form: .share, shapes: [[3]])),
            inputs: [0],
            old: "[3,1]",
            new: "[3,2]"
        ),
        Field(
            gate: .linear(LinearGate(.broadcast([2, 3]), form: .share, shapes: [[3]])),
            inputs: [0],
            old: "[2,3]",
            new: "[2,4]"
        ),
        Field(
            gate: .linear(LinearGate(.reshape([3, 1]), form: .bits, shapes: [[3]])),
            inputs: [2],
            old: "\"linear\":{\"_0\":{\"form\":\"bits\"",
            new: "\"linear\":{\"_0\":{\"form\":\"wire\""
        ),
        Field(
            gate: .absorbed(AbsorbedGate(products: [], addends: 1, shape: [3])),
            inputs: [0],
            old: "\"addends\":1",
            new: "\"addends\":-1"
        ),
        Field(
            gate: .gather(GatherGate(axis: 0, table: [3], indices: [3])),
            inputs: [0, 3],
            old: "\"axis\":0",
            new: "\"axis\":-1"
        ),
        Field(
            gate: .select(SelectGate(shape: [3])),
            inputs: [2, 1],
            old: "\"sharesHeld\":true,\"shift\":0",
            new: "\"sharesHeld\":true,\"shift\":1"
        ),
        Field(
            gate: .bilinear(BilinearGate(operation: .multiply, left: [3], right: [3], leftZeroExcept: 1)),
            inputs: [1, 5],
            old: "\"leftZeroExcept\":1",
            new: "\"leftZeroExcept\":5"
        ),
        Field(
            gate: .bilinear(
                BilinearGate(
                    operation: .matmul(transposeLeft: false, transposeRight: false),
                    left: [1, 3],
                    right: [3, 1]
                )
            ),
            inputs: [1, 5],
            old: "\"right\":[3,1]",
            new: "\"right\":[1,3]"
        ),
    ]

    @Test("a field beyond its range", arguments: fields)
    func field(_ field: Field) throws {
        let plan = HostilePlanTests.plan(field.gate, field.inputs, outputs: field.outputs)
        try plan.validate()
        let message = refusal(try HostilePlanTests.changed(plan, field.old, field.new))
        #expect(message?.contains("step 0 (\(type(of: field.gate.gate).name))") == true, "\(message ?? "")")
    }

    @Test(
        "an operand of another type than the gate reads, or one too few",
        arguments: fields.filter { !$0.inputs.isEmpty }
    )
    func operands(_ field: Field) throws {
        let good = HostilePlanTests.plan(field.gate, field.inputs, outputs: field.outputs)
        for position in field.inputs.indices {
            // None of these types stands in for another but numbers that all know, for those of one party.
            for slot in [0, 1, 2, 3] where slot != field.inputs[position] {
                if field.inputs[position] == 4 && slot == 3 || field.inputs[position] == 5 && slot == 1 { continue }
                var plan = good
                plan.steps[0].inputs[position] = slot
                #expect(refusal(plan)?.contains("step 0") == true, "slot \(slot) at \(position)")
            }
        }
        var fewer = good
        fewer.steps[0].inputs.removeLast()
        #expect(refusal(fewer)?.contains("operands") == true)
        var more = good
        more.steps[0].outputs.append(good.slots)
        more.slots += 1
        #expect(refusal(more)?.contains("results") == true)
    }

    @Test(
        "a convolution's numbers that overflow, or groups that don't divide its channels",
        arguments: ["groups", "strides", "height", "uneven"]
    )
    func convolutions(which: String) throws {
        let gates: [String: BilinearOperation] = [
            "groups": .convolution(ConvolutionGeometry(groups: .max)),
            "strides": .convolution(ConvolutionGeometry(strides: [1])),
            "height": .convolutionInputGradient(ConvolutionGeometry(), height: .max, width: 1),
            "uneven": .convolutionInputGradient(ConvolutionGeometry(groups: 3), height: 5, width: 1),
        ]
        guard let operation = gates[which] else { return }
        let gate = BilinearGate(operation: operation, left: [1, 1, 3, 1], right: [1, 1, 3, 1])
        let message = refusal(HostilePlanTests.plan(.bilinear(gate), [1, 5], shape: [3]))
        #expect(message?.contains("step 0 (bilinear)") == true)
    }

    @Test("slabs of a size that there isn't, in the bytes of a plan")
    func slabs() throws {
        let mask = HostilePlanTests.plan(.mask(MaskGate(shape: [3])), [0])
        for bits in ["-9223372036854775808", "0", "11", "21", "9223372036854775807"] {
            let plan = try HostilePlanTests.changed(mask, "\"slabBits\":15", "\"slabBits\":\(bits)")
            #expect(refusal(plan) == "the plan is malformed: slabs of 2^\(bits) elements")
        }
        for bits in [12, 20] {
            try HostilePlanTests.changed(mask, "\"slabBits\":15", "\"slabBits\":\(bits)").validate()
        }
    }

    @Test("more streams in a stage than have numbers, by slabs that are too small")
    func streams() throws {
        let series = TrigonometricGate(
            shape: [1 << 30],
            cosines: [UInt64](repeating: 1, count: 64),
            sines: [UInt64](repeating: 1, count: 64)
        )
        var plan = HostilePlanTests.plan(.trigonometric(series), [1], shape: [1 << 30])
        try plan.validate()
        plan.slabBits = 12
        #expect(refusal(plan)?.contains("step 0 (trigonometric series): a stage draws 33038336 streams") == true)
        let step = StepGate(
            shape: [1 << 30],
            bits: 600,
            outputs: [StepGate.Output(constant: 0, factors: [UInt64](repeating: 1, count: 600))]
        )
        let steps = HostilePlanTests.plan(.step(step), [Int](repeating: 2, count: 600), shape: [1 << 30])
        #expect(refusal(steps)?.contains("streams of random words") == true)
    }

    @Test("sizes that no machine has")
    func sizes() throws {
        let mask = HostilePlanTests.plan(.mask(MaskGate(shape: [3])), [0])
        #expect(throws: DecodingError.self) { try HostilePlanTests.changed(mask, "[3]", "[1125899906842624]") }
        let large = refusal(try HostilePlanTests.changed(mask, "[3]", "[1073741825]"))
        #expect(large?.contains("too many elements") == true)
        // An empty tensor with an absurd extent: loops may go by it.
        #expect(refusal(try HostilePlanTests.changed(mask, "[3]", "[0,1099511627776]"))?.contains("too many") == true)
        #expect(throws: DecodingError.self) {
            try HostilePlanTests.changed(mask, "[3]", "[\(Array(repeating: "1", count: 65).joined(separator: ","))]")
        }

        // Each value within its bound, and all of them together not.
        var many = try HostilePlanTests.changed(mask, "[3]", "[1073741824]")
        try many.validate()
        for _ in 0..<1024 {
            many.steps.append(PlanStep(gate: many.steps[0].gate, inputs: [0], outputs: [many.slots], layer: nil))
            many.slots += 1
        }
        #expect(refusal(many)?.contains("elements and words") == true)

        let side = 1 << 15
        let operation = BilinearOperation.matmul(transposeLeft: false, transposeRight: false)
        let product = BilinearGate(operation: operation, left: [side, side], right: [side, side])
        var products = HostilePlanTests.plan(.bilinear(product), [1, 5], shape: [side, side])
        try products.validate()
        for _ in 0..<32 {
            products.steps.append(
                PlanStep(gate: .bilinear(product), inputs: [1, 5], outputs: [products.slots], layer: nil)
            )
            products.slots += 1
        }
        #expect(refusal(products)?.contains("multiply-accumulates") == true)
    }

    @Test("counts and numbers of the plan itself")
    func counts() throws {
        let good = HostilePlanTests.plan(.mask(MaskGate(shape: [3])), [0])
        let changes: [(inout Plan) -> Void] = [
            { $0.parties = 1 }, { $0.parties = 1025 }, { $0.fractionBits = .min }, { $0.slots = -1 },
            { $0.slabBits = 11 }, { $0.slabBits = 21 }, { $0.slabBits = .min }, { $0.slabBits = .max },
            { $0.slots = 1 << 40 },
            { $0.bindings[0].scale = .min }, { $0.bindings[0].source = .kept(index: -1, form: .share) },
            { $0.bindings[0].source = .input(owner: PartyID(2), index: 0) },
            { $0.bindings[3].source = .constant(index: .max) },
            { $0.bindings[1].source = .kept(index: 1, form: .wire(owner: -1)) }, { $0.bindings[1].slot = 0 },
            { $0.steps[0].inputs = [6] }, { $0.steps[0].outputs = [0] }, { $0.steps[0].outputs = [.max] },
            { $0.steps[0].outputs = [] },
        ]
        for (index, change) in changes.enumerated() {
            var plan = good
            change(&plan)
            #expect(refusal(plan) != nil, "change \(index)")
        }
    }

    @Test("an output that isn't what it is handed out as")
    func outputs() throws {
        func output(
            _ slot: Int,
            _ destination: Graph.Destination,
            _ kept: KeptForm?,
            _ shape: Shape = [3]
        ) -> PlanOutput {
            PlanOutput(slot: slot, destination: destination, shape: shape, kind: .integer, scale: 0, kept: kept)
        }
        let good = HostilePlanTests.plan(.truncateInPlace(TruncateInPlaceGate(shape: [3], shift: 4)), [1])
        for fitting in [
            output(0, .keep, .share), output(1, .keep, .wire(owner: nil)), output(2, .keep, .bits),
            output(3, .reveal(to: nil), nil), output(4, .reveal(to: PartyID(0)), nil),
        ] {
            var plan = good
            plan.outputs = [fitting]
            try plan.validate()
        }
        for wrong in [
            output(1, .keep, .share), output(0, .keep, .wire(owner: nil)), output(0, .keep, .bits),
            output(0, .keep, nil),
            output(0, .reveal(to: nil), nil), output(4, .reveal(to: nil), nil), output(4, .reveal(to: PartyID(1)), nil),
            output(6, .keep, .wire(owner: nil)), output(0, .keep, .share, [4]), output(3, .reveal(to: nil), .share),
            output(-1, .keep, .share), output(7, .keep, .share),
        ] {
            var plan = good
            plan.outputs = [wrong]
            #expect(refusal(plan)?.contains("output 0") == true)
        }
    }

    @Test("values that the dealer doesn't keep in the form that the plan reads")
    func kept() throws {
        let plan = HostilePlanTests.plan(.mask(MaskGate(shape: [3])), [0])
        let wire = DealerValue.wire(WireMask(mask: RingTensor(zeros: [3]), sharesHeld: true))
        let bits = DealerValue.bits(BitPlanes(zeros: 1, count: 3))
        try plan.check(kept: [.nothing, wire, bits, wire])
        let unheld = DealerValue.wire(WireMask(mask: RingTensor(zeros: [3]), sharesHeld: false))
        let longer = DealerValue.wire(WireMask(mask: RingTensor(zeros: [4]), sharesHeld: true))
        for values in [
            [], [.nothing, wire, bits], [wire, wire, bits, wire], [.nothing, .nothing, bits, wire],
            [.nothing, unheld, bits, wire], [.nothing, longer, bits, wire], [.nothing, wire, wire, wire],
            [.nothing, wire, .bits(BitPlanes(zeros: 1, count: 2)), wire],
        ] as [[DealerValue]] {
            let error = #expect(throws: CrypTenError.self) { try plan.check(kept: values) }
            #expect(error?.code == .diverged)
        }
    }

    @Test("the planner refuses, with a sentence, what is too large to run")
    func tooLarge() throws {
        let source = Node(
            source: .input(owner: .party(0), number: 0),
            shape: [1 << 31],
            kind: .real,
            visibility: .secret,
            session: nil
        )
        let (graph, _) = try Simplify.graph(of: [(source, .reveal(to: nil))])
        let error = #expect(throws: CrypTenError.self) {
            try Planner(parties: 2, fractionBits: 16, slabBits: 15).plan(graph, kept: [])
        }
        #expect(error?.message.contains("a plan's have at most 2^30 elements; make it smaller") == true)
    }
}
