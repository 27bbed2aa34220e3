import CrypTenBase
import CrypTenExpressions
import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import CrypTenRuntime
import Foundation
import FuzzedSeeds
import NIOCore

/// Called by libFuzzer before anything else.
@_cdecl("LLVMFuzzerInitialize")
public func initializePlans(_ count: UnsafeMutableRawPointer?, _ arguments: UnsafeMutableRawPointer?) -> CInt {
    Seeds.write {
        var seeds: [String: Data] = [:]
        for (name, expression) in expressions() {
            for (form, destination) in [("", Graph.Destination.reveal(to: nil)), ("-kept", .keep)] {
                if let plan = try? plan(expression, destination) { seeds[name + form] = try encoded(plan) }
            }
        }
        for (index, gate) in gates().enumerated() {
            let inputs = gate.operands.indices.map { $0 }
            let plan = Plan(
                parties: 2,
                fractionBits: 16,
                slabBits: 15,
                slots: inputs.count + gate.outputs,
                bindings: gate.operands.enumerated().map { slot, source in
                    PlanBinding(slot: slot, source: source, shape: [3], kind: .integer, scale: 0)
                },
                steps: [
                    PlanStep(
                        gate: gate.gate,
                        inputs: inputs,
                        outputs: Array(inputs.count..<inputs.count + gate.outputs),
                        layer: nil
                    )
                ],
                outputs: []
            )
            try plan.validate()
            seeds["gate-\(index)"] = try encoded(plan)
        }
        if let first = seeds.min(by: { $0.value.count < $1.value.count })?.value {
            let binding = """
                {"fingerprint":"00","keptInputs":[],"keptOutputs":[],"released":[],"run":1,\
                "use":{"now":{"_0":{"inputs":[],"plainDigests":[]}}}}
                """
            var request = ByteBuffer(bytes: Plan.fingerprint(of: first))
            request.writeInteger(UInt32(binding.utf8.count), endianness: .little)
            request.writeString(binding)
            request.writeBytes(first)
            seeds["request"] = Data(request.readableBytesView)
        }
        return seeds
    }
    return 0
}

private func encoded(_ plan: Plan) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(plan)
}

private func plan(_ expression: CrypTensor, _ destination: Graph.Destination) throws -> Plan {
    let (graph, _) = try Simplify.graph(of: [(expression.node, destination)])
    return try Planner(parties: 2, fractionBits: 16, slabBits: 15).plan(graph, kept: []).plan
}

/// Something of every lowering.
private func expressions() -> [String: CrypTensor] {
    func input(_ number: Int, _ shape: Shape, _ kind: ElementKind = .real) -> CrypTensor {
        CrypTensor(
            Node(
                source: .input(owner: PartyID(number % 2), number: number),
                shape: shape,
                kind: kind,
                visibility: .secret,
                session: nil
            )
        )
    }
    let (x, y, w) = (input(0, [2, 3]), input(1, [2, 3]), input(2, [3, 2]))
    let image = input(3, [1, 2, 4, 4])
    let kernel = input(4, [2, 2, 3, 3])
    let indices = CrypTensor(
        Node(source: .publicInput(number: 0), shape: [2], kind: .integer, visibility: .public, session: nil)
    )
    return [
        "sum": x + y, "product": x * y * x, "matmul": relu(x.matmul(w)),
        "convolution": image.conv2d(kernel, padding: 1),
        "transposed": image.convTransposed2d(kernel, stride: 2), "pool": image.maxPool2d(2), "mean": image.avgPool2d(2),
        "argmax": x.argmax(axis: 1), "sigmoid": x.sigmoid(), "gelu": x.gelu(), "sine": x.sin() + x.cos(),
        "compare": (x .< y) & (x .> 0.5), "equal": x .== y, "which": which(x .> y, x, y),
        "polynomial": x.polynomial([1, 0.5, 2]),
        "moved": concatenate([x.flip(axes: [1]), y], axis: 0).permuted([1, 0]),
        "padded": x.pad(before: [1, 0], after: [0, 1]).sum(axes: [0]), "gathered": x.gather(indices, axis: 1),
        "scaled": x * 0.3 + 1, "bits": ~((x .> 0) ^ (y .> 0)), "taken": x.take([1, 1, 0], axis: 1),
    ]
}

/// Gates that no lowering makes, or not in this form.
private func gates() -> [(gate: PlanGate, operands: [PlanBinding.Source], outputs: Int)] {
    let wire = PlanBinding.Source.kept(index: 0, form: .wire(owner: nil))
    let bits = PlanBinding.Source.kept(index: 1, form: .bits)
    let xor = BooleanForm(constant: true, products: [[0], [1]])
    return [
        (.trigonometric(TrigonometricGate(shape: [3], constant: 1, cosines: [2, 3], sines: [4, 5])), [wire], 1),
        (
            .exponential(ExponentialGate(shape: [3], offset: 0, octaves: 29, tableBits: 17, factorBits: 16)),
            [bits, wire], 1
        ),
        (
            .step(StepGate(shape: [3], bits: 2, outputs: [StepGate.Output(constant: 1, factors: [2, 3])])),
            [bits, bits], 1
        ),
        (.magnitude(MagnitudeGate(shape: [3], positions: [0, 4, 8], isSigned: true)), [wire], 7),
        (
            .stepProduct(
                StepProductGate(
                    shape: [3],
                    form: WireForm(),
                    bits: 2,
                    steps: [StepGate.Output(constant: 1, factors: [2, 3])],
                    products: [StepGate.Output(constant: 4, factors: [5, 6])]
                )
            ), [bits, bits, wire], 2
        ),
        (.isZero(IsZeroGate(shape: [3])), [wire], 1),
        (.sign(SignGate(shape: [3], thresholds: [7], equality: true)), [wire], 2),
        (
            .boolean(BooleanGate(outputs: [xor, BooleanForm(products: [[0, 1]])], inputs: 2, shape: [3])),
            [bits, bits], 2
        ),
        (
            .maximum(MaximumGate(shape: [3], operands: 2, sharesHeld: true, payload: .wires(sharesHeld: true))),
            [wire, wire, wire, wire], 2
        ),
        (.random(RandomGate(shape: [3], distribution: .bit(.outOf(numerator: 3, bits: 5)))), [], 1),
        (.random(RandomGate(shape: [3], distribution: .uniformBits(16))), [], 1),
        (.truncateInPlace(TruncateInPlaceGate(shape: [3], shift: 16)), [wire], 1),
        (.drawnBits(DrawnBitsGate(planes: 2, shape: [3])), [], 2),
        (
            .permutation(PermutationGate(party: 1, shapes: [[3], [3]])),
            [.kept(index: 0, form: .share), .kept(index: 1, form: .share)], 2
        ),
    ]
}
