import CrypTenGates
import CrypTenRing
import Foundation
import Testing
import _CrypTenTestSupport

@Suite("Truncation")
struct TruncationTests {
    @Test("is the floor plus the public dither", arguments: [1, 2, 16, 31, 44, 61, 62], counts + [moreThanASlab])
    func floorPlusDither(shift: Int, count: Int) throws {
        let z = ringVectors(count, seed: 20, in: truncationRange)
        for parties in parties where count < 4097 || parties == 2 {
            for kernels in backends() {
                let simulator = GateSimulator(parties: parties, seed: UInt64(shift), kernels: kernels)
                let shape: Shape = [count]
                for sharesHeld in [true, false] {
                    let wire = simulator.wire(z, sharesHeld: sharesHeld)
                    let want = rounded(z, hat: wire.hat, shift: shift)
                    let form = WireForm(sharesHeld: sharesHeld)
                    let share = try simulator.run(TruncateGate(shape: shape, form: form, shift: shift), [wire])[0]
                    #expect(try share.plain() == want)
                    let inPlace = try simulator.run(TruncateInPlaceGate(shape: shape, shift: shift), [wire])[0]
                    #expect(try inPlace.plain() == want)
                    let truncated = WireForm(sharesHeld: false, shift: shift)
                    let read = try simulator.run(TruncateGate(shape: shape, form: truncated, shift: 0), [inPlace])[0]
                    #expect(try read.plain() == want)
                    let gate = TruncatedReLUGate(shape: shape, sharesHeld: sharesHeld, shift: shift)
                    #expect(
                        try simulator.run(gate, [wire])[0].plain()
                            == want.map { UInt64(bitPattern: max(Int64(bitPattern: $0), 0)) }
                    )
                    let telling = TruncatedReLUGate(
                        shape: shape,
                        sharesHeld: sharesHeld,
                        shift: shift,
                        yieldsBits: true
                    )
                    let told = try simulator.run(telling, [wire])
                    #expect(try told[0].plain() == want.map { UInt64(bitPattern: max(Int64(bitPattern: $0), 0)) })
                    #expect(try told[1].plain() == want.map { Int64(bitPattern: $0) > 0 ? 1 : 0 })
                }
            }
        }
    }

    @Test("is unbiased: 3/4 rounds to 3/4 on average")
    func unbiased() throws {
        let count = 200_000
        let simulator = GateSimulator(parties: 2, seed: 21, kernels: NativeKernels(threads: 1))
        let wire = simulator.wire([UInt64](repeating: 3 << 14, count: count))
        let out = try simulator.run(TruncateGate(shape: [count], form: WireForm(), shift: 16), [wire])[0].plain()
        // A Bernoulli mean of 200,000: its deviation is 0.00097, so six of them leave a false alarm of 2·10^-9.
        #expect(abs(Double(out.reduce(0, +)) / Double(count) - 0.75) < 0.0058)
    }

    /// 10^6 values always; 10^8 with CRYPTEN_LONG_TESTS.
    @Test("never errs by more than one unit, and not on average, for values within ±2^62")
    func property() throws {
        let long = ProcessInfo.processInfo.environment["CRYPTEN_LONG_TESTS"] != nil
        let kernels = NativeKernels(threads: 1)
        let batch = 1 << 19
        let batches = long ? 191 : 2
        let key = ExpansionKey(low: 0x5EED, high: 22)
        let shift = 16
        let shape: Shape = [batch]
        var error: Int64 = 0
        for index in 0..<batches {
            let simulator = GateSimulator(parties: 2, seed: UInt64(index), kernels: kernels)
            // z from −2^62 to 2^62: an arithmetic shift of a word by one, without Swift loops over elements.
            let word = kernels.expand(key, number: UInt64(3 * index), from: 0, shape: shape)
            let z = kernels.add(kernels.shiftRight(word, by: 1), scalar: 0 &- 1 << 62)
            let masks = (1...2).map { kernels.expand(key, number: UInt64(3 * index + $0), from: 0, shape: shape) }
            let mask = kernels.add(masks[0], masks[1])
            let hat = kernels.add(z, mask)
            let wire = SimulatedValue(
                shape: shape,
                parties: masks.map { .wire(MaskedWire(hat: hat, maskShare: $0)) },
                dealer: .wire(WireMask(mask: mask, sharesHeld: true))
            )
            let out = try simulator.run(TruncateGate(shape: shape, form: WireForm(), shift: shift), [wire])[0]
            let shares = out.parties.map { value -> RingTensor in
                guard case .share(let share) = value else { preconditionFailure("a truncation yields shares") }
                return share
            }
            let result = kernels.add(shares[0], shares[1])
            // ⌊z / 2^16⌋ as (z + 2^62) >> 16 less 2^46.
            let floor = kernels.add(
                kernels.shiftRight(kernels.add(z, scalar: 1 << 62), by: shift),
                scalar: 0 &- 1 << UInt64(62 - shift)
            )
            let up = kernels.subtract(result, floor)
            #expect(kernels.sum(kernels.shiftRight(up, by: 1), axes: [0]).elements == [0], "floor or one more")
            // Σ (result − z / 2^16) in units of 2^-16
            let low = kernels.lowBits(z, shift)
            let difference = kernels.subtract(kernels.shiftLeft(up, by: shift), low)
            error += Int64(bitPattern: kernels.sum(difference, axes: [0]).elements[0])
        }
        // The deviation of one error is at most 1/2, so of the mean of 10^6 at most 0.0005.
        let mean = Double(error) / Double(1 << shift) / Double(batch * batches)
        #expect(abs(mean) < (long ? 0.0004 : 0.004), "mean error \(mean) units")
    }
}
