import CrypTenRing

/// What a party has of ring-LWE in a run: its secret, once something is to be encrypted, and the other one's public key.
final class PairLatticeKeys {
    let kernels: LatticeKernels
    let randomness: LatticeStreams
    private let pair: Pair
    private var secret: LatticeSecret?
    /// By party: whether its key is on its way.
    private var hasKey = [false, false]
    private var received: LatticePublicKey?

    init(_ pair: Pair, key: ExpansionKey) {
        self.pair = pair
        let native = pair.kernels as? NativeKernels ?? NativeKernels(threads: 1)
        kernels = LatticeKernels(native)
        randomness = LatticeStreams(key, native)
    }

    /// This party's.
    func ownSecret() -> LatticeSecret {
        if let secret { return secret }
        let made = LatticeSecret(randomness, kernels)
        secret = made
        return made
    }

    /// The other party's, after the exchange in which it has encrypted something.
    func publicKey() -> LatticePublicKey {
        guard let received else { preconditionFailure("an answer follows its ciphertexts") }
        return received
    }

    /// A party's public key goes in the next exchange of all, before or with the first that it encrypts.
    func send(of holder: Int) {
        guard !hasKey[holder] else { return }
        hasKey[holder] = true
        let words = (LatticePublicKey.bytes + 7) / 8
        pair.tape.message(from: holder, in: pair.tape.next(after: 0), after: 0, words: words) { channel in
            try channel.send(RingTensor(bytes: self.ownSecret().publicKeyMessage()))
        } read: { [kernels] channel in
            let message = try channel.receive(words).bytes(LatticePublicKey.bytes)
            self.received = try LatticePublicKey(message: message, kernels)
        }
    }
}
