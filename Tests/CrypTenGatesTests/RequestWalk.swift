import CrypTenGates
import CrypTenRing
import Testing
import _CrypTenTestSupport

/// Goes through gates' `deal` without a mask: what is asked for, and how many words of it there will be, follows from the plan alone.
final class RequestWalk: DealStage {
    /// A mask by its shape.
    struct Words: Sendable {
        var shape: Shape
    }

    /// Masks of bits by their numbers.
    struct Bits: Sendable {
        var planes: Int
        var count: Int
    }

    let slabs: Slabs
    let inputs: [MaskValue<Words, Bits>]
    let memory: MaskMemory<Words, Bits>
    private(set) var outputs: [MaskValue<Words, Bits>] = []
    /// The words of each correlation, in order.
    private(set) var dealt: [Int] = []

    init(slabs: Slabs, inputs: [MaskValue<Words, Bits>], memory: MaskMemory<Words, Bits>) {
        self.slabs = slabs
        self.inputs = inputs
        self.memory = memory
    }

    func yield(_ value: MaskValue<Words, Bits>) {
        outputs.append(value)
    }

    /// The words of a function of a mask, element by element.
    private func dealFunction(of wire: WireMask<Words>) {
        dealt.append(wire.mask.shape.count)
        if let alternative = wire.alternative { dealt.append((alternative.shift * wire.mask.shape.count + 63) / 64) }
    }

    private func dealPlanes(_ planes: Int, _ count: Int) {
        dealt.append(planes * ((count + 63) / 64))
    }

    // MARK: Masks of openings

    func openMask(_ shape: Shape, absorbing products: [MaskProduct<Words>]) -> Words {
        Words(shape: shape)
    }

    func openBitMask(planes: Int, count: Int) -> Bits {
        Bits(planes: planes, count: count)
    }

    func publishMask(owner: Int, shape: Shape) -> Words {
        Words(shape: shape)
    }

    // MARK: Linear operations

    func zeros(_ shape: Shape) -> Words {
        Words(shape: shape)
    }

    func zeroBits(planes: Int, count: Int) -> Bits {
        Bits(planes: planes, count: count)
    }

    func slab(_ words: Words, _ range: Range<Int>) -> Words {
        Words(shape: [range.count])
    }

    func slab(_ bits: Bits, _ range: Range<Int>) -> Bits {
        Bits(planes: bits.planes, count: range.count)
    }

    func planes(_ bits: Bits, _ range: Range<Int>) -> Bits {
        Bits(planes: range.count, count: bits.count)
    }

    func subtract(_ a: Words, _ b: Words) -> Words {
        a
    }

    func apply(_ operation: LinearOperation, to words: [Words]) -> Words {
        Words(shape: operation.apply(words.map { RingTensor(zeros: $0.shape) }, PlainKernels()).shape)
    }

    func apply(_ operation: LinearOperation, to bits: [Bits], shapes: [Shape]) -> Bits {
        Bits(planes: 1, count: apply(operation, to: shapes.map { Words(shape: $0) }).shape.count)
    }

    func join(_ slabs: [Bits], count: Int) -> Bits {
        Bits(planes: 1, count: count)
    }

    func xor(_ bits: [Bits], count: Int) -> Bits {
        Bits(planes: 1, count: count)
    }

    // MARK: Requests

    func dealProduct(_ product: MaskProduct<Words>) throws {
        dealt.append(product.form.output.count)
    }

    func dealProduct(of wire: WireMask<Words>, times other: Words) throws {
        dealFunction(of: wire)
    }

    func dealPowers(of wire: WireMask<Words>, exponents: ClosedRange<Int>) throws {
        for _ in exponents { dealFunction(of: wire) }
    }

    func dealShares(of wire: WireMask<Words>) throws {
        dealFunction(of: wire)
    }

    func bits(of wire: WireMask<Words>, _ ranges: [Range<Int>]) -> [Bits] {
        ranges.map { Bits(planes: $0.count, count: wire.mask.shape.count) }
    }

    func truncated(_ wire: WireMask<Words>, by shift: Int) -> WireMask<Words> {
        WireMask(mask: wire.mask, sharesHeld: false, alternative: .init(mask: wire.mask, shift: shift))
    }

    func dealQuotient(of mask: Words, factor: UInt64) throws {
        dealt += [mask.shape.count, mask.shape.count]
    }

    func dealOctaves(of mask: Words, where bits: Bits, entries: Int, octaves: Int, fractionBits: Int) throws {
        dealt += [Int](repeating: mask.shape.count, count: 2 * entries)
    }

    func dealHarmonics(of mask: Words, numbers: ClosedRange<Int>) throws {
        dealt += [Int](repeating: mask.shape.count, count: 2 * numbers.count)
    }

    func dealBits(_ bits: Bits) throws {
        dealPlanes(bits.planes, bits.count)
    }

    func dealSubsetProducts(of planes: Bits, starts: [Int], size: Int) throws {
        dealPlanes((1 << size - 1) * starts.count, planes.count)
    }

    func dealProducts(_ products: BitProducts, of blocks: [Bits]) throws {
        #expect(products.blocks == blocks.map(\.planes))
        dealPlanes(products.products.count, blocks[0].count)
    }

    func dealNumber(of bits: Bits) throws {
        dealt.append(bits.count)
    }

    func dealSelection(_ bits: Bits, of wire: WireMask<Words>) throws {
        dealFunction(of: wire)
    }

    func dealLowBits(_ bits: Int, count: Int) throws {
        dealt.append(count)
    }

    func dealEvent(numerator: UInt64, bits: Int, count: Int) throws -> Bits {
        dealPlanes(1, count)
        return Bits(planes: 1, count: count)
    }

    func dealRows(of masks: [Words], inOrderOf party: Int, rows: Int) throws {
        dealt += masks.map(\.shape.count)
    }
}

@Suite("Walks through requests")
struct RequestWalkTests {
    /// What the dealer has of a value, without its words.
    private func named(_ value: DealerValue) -> MaskValue<RequestWalk.Words, RequestWalk.Bits> {
        switch value {
        case .nothing: .nothing
        case .bits(let bits): .bits(RequestWalk.Bits(planes: bits.planes, count: bits.count))
        case .wire(let wire):
            .wire(
                WireMask(
                    mask: RequestWalk.Words(shape: wire.mask.shape),
                    sharesHeld: wire.sharesHeld,
                    alternative: wire.alternative.map { .init(mask: .init(shape: $0.mask.shape), shift: $0.shift) }
                )
            )
        }
    }

    private func description(_ value: MaskValue<RequestWalk.Words, RequestWalk.Bits>) -> String {
        switch value {
        case .nothing: "nothing"
        case .bits(let bits): "\(bits.planes) planes of \(bits.count) bits"
        case .wire(let wire): "a wire of shape \(wire.mask.shape), \(wire.sharesHeld), \(wire.alternative?.shift ?? 0)"
        }
    }

    /// So a maker may collect what a plan asks for before there is anything to make it of.
    @Test(
        "need no masks: of every gate they find the words that the dealer deals, correlation by correlation",
        arguments: GateKind.allCases
    )
    func walks(kind: GateKind) throws {
        for subject in kind.subjects {
            let simulator = GateSimulator(
                parties: 2,
                seed: 3,
                kernels: NativeKernels(threads: 1),
                slabs: Slabs(bits: 12)
            )
            let instance = try subject.make(simulator, [UInt64](repeating: 0, count: 4224))
            let before = simulator.corrections.count
            func run(_ gate: some Gate) throws -> [SimulatedValue] {
                try simulator.run(gate, instance.operands, shapes: instance.operands.isEmpty ? [[0]] : nil)
            }
            let made = try run(instance.gate)
            let memory = MaskMemory<RequestWalk.Words, RequestWalk.Bits>()
            var dealt: [Int] = []
            var outputs: [MaskValue<RequestWalk.Words, RequestWalk.Bits>] = []
            for stage in 0..<instance.gate.stages {
                let walk = RequestWalk(
                    slabs: simulator.slabs,
                    inputs: instance.operands.map { named($0.dealer) },
                    memory: memory
                )
                try instance.gate.deal(stage: stage, walk)
                dealt += walk.dealt
                outputs += walk.outputs
            }
            #expect(dealt == simulator.corrections[before...].map(\.count), "\(subject.name)")
            #expect(outputs.map(description) == made.map { description(named($0.dealer)) }, "\(subject.name)")
        }
    }
}
