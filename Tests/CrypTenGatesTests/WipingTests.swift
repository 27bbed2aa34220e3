import CrypTenGates
import CrypTenRing
import Testing

@Suite("What is given up is overwritten")
struct WipingTests {
    private func words() -> RingTensor {
        RingTensor((1...100).map { UInt64($0) }, shape: [100])
    }

    private func planes() -> BitPlanes {
        BitPlanes(RingTensor(repeating: .max, shape: [4]), planes: 2, count: 128)
    }

    @Test("words that nobody else looks at become zeros, in every form that a party or the dealer keeps")
    func wiped() {
        let values: [PartyValue] = [.share(words()), .plain(words())]
        for var value in values {
            value = fresh(value)
            value.wipe()
            #expect(elements(value).allSatisfy { $0 == 0 })
        }
        var wire = PartyValue.wire(MaskedWire(hat: words(), maskShare: words()))
        wire.wipe()
        var bits = PartyValue.bits(MaskedBits(hat: planes(), maskShare: planes()))
        bits.wipe()
        var mask = DealerValue.wire(
            WireMask(mask: words(), sharesHeld: true, alternative: .init(mask: words(), shift: 3))
        )
        mask.wipe()
        var bitMask = DealerValue.bits(planes())
        bitMask.wipe()
        #expect(elements(wire).allSatisfy { $0 == 0 } && elements(wire).count == 200)
        #expect(elements(bits).allSatisfy { $0 == 0 } && elements(bits).count == 8)
        guard case .wire(let dealt) = mask, case .bits(let dealtBits) = bitMask else { return }
        #expect((dealt.mask.elements + (dealt.alternative?.mask.elements ?? [1])).allSatisfy { $0 == 0 })
        #expect(dealtBits.asWords.elements.allSatisfy { $0 == 0 })
    }

    @Test("what others look at stays as it is")
    func shared() {
        let words = words()
        var value = PartyValue.share(words.reshaped(to: [10, 10]))
        value.wipe()
        #expect(words.elements == (1...100).map { UInt64($0) })
    }

    /// The same with memory of its own.
    private func fresh(_ value: PartyValue) -> PartyValue {
        switch value {
        case .share: .share(words())
        default: .plain(words())
        }
    }

    private func elements(_ value: PartyValue) -> [UInt64] {
        switch value {
        case .share(let words), .plain(let words): words.elements
        case .wire(let wire): wire.hat.elements + (wire.maskShare?.elements ?? [])
        case .bits(let bits): bits.hat.asWords.elements + (bits.maskShare?.asWords.elements ?? [])
        case .absent: []
        }
    }
}
