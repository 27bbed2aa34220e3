package import CrypTenRing

/// The words that a value has, whatever it is.
extension PartyValue {
    package var words: [any StoredWords] {
        switch self {
        case .share(let words), .plain(let words): [words]
        case .wire(let wire):
            [wire.hat] + [wire.maskShare].compactMap { $0 } + [wire.truncation?.selector].compactMap { $0 }
        case .bits(let bits): [bits.hat] + [bits.maskShare].compactMap { $0 }
        case .absent: []
        }
    }
}

extension DealerValue {
    package var words: [any StoredWords] {
        switch self {
        case .nothing: []
        case .wire(let wire): [wire.mask] + [wire.alternative?.mask].compactMap { $0 }
        case .bits(let bits): [bits]
        }
    }
}
