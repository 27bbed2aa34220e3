package import CrypTenBase

/// How a direction's session of transfers comes about, at the side that will choose: three messages, of 64, 8,192 and 4,096 bytes.
///
/// In the base transfers the roles are the other way round: who will send words chooses Δ there, and who will choose knows both keys.
///
///     chooser: offer  →  sender: answer  →  chooser: trees  →  sender
package struct TransferReceiverSetup: ~Copyable {
    private let base: BaseTransfer.Sender
    private let height: TreeHeight
    private let label: [UInt8]
    private let kernels: TransferKernels
    /// The first message.
    package let offer: [UInt8]

    /// - Parameters:
    ///   - label: The session and the direction, which both sides name alike and no other session or direction has.
    ///   - height: Of the trees, at both sides alike.
    ///   - kernels: What computes.
    package init(label: [UInt8], height: TreeHeight, kernels: TransferKernels) {
        base = BaseTransfer.Sender(label: label + [UInt8(height.rawValue)])
        (self.height, self.label, self.kernels) = (height, label, kernels)
        offer = base.offer
    }

    /// The third message, and what this side has from then on.
    ///
    /// - Throws: `.malformedFrame` where the answer isn't one.
    package consuming func finish(
        _ answer: [UInt8]
    ) throws(CrypTenError) -> (trees: [UInt8], receiver: TransferReceiver) {
        let (height, label, kernels) = (height, label, kernels)
        let keys = try base.keys(for: answer)
        let (leaves, trees) = TransferTrees.grow(height, keys: keys, kernels)
        return (trees, TransferReceiver(leaves: leaves, height: height, label: label, kernels: kernels))
    }
}

/// The same at the side that will send words: it draws Δ.
package struct TransferSenderSetup: ~Copyable {
    private let delta: SecretWords
    private let keys: SecretWords
    private let height: TreeHeight
    private let label: [UInt8]
    private let kernels: TransferKernels
    /// The second message.
    package let answer: [UInt8]

    /// - Parameters:
    ///   - offer: The first message.
    ///   - label: The chooser's.
    ///   - height: Of the trees, at both sides alike.
    ///   - kernels: What computes.
    /// - Throws: `.malformedFrame` where the offer isn't one.
    package init(
        offer: [UInt8],
        label: [UInt8],
        height: TreeHeight,
        kernels: TransferKernels
    ) throws(CrypTenError) {
        delta = SecretWords.drawn(2)
        let path = SecretWords(2)
        for i in 0..<2 { path[i] = ~delta[i] }
        (answer, keys) = try BaseTransfer.receive(offer, choices: path, label: label + [UInt8(height.rawValue)])
        (self.height, self.label, self.kernels) = (height, label, kernels)
    }

    /// What this side has from then on, by the third message.
    ///
    /// - Throws: `.malformedFrame` where that has another length.
    package consuming func finish(_ trees: [UInt8]) throws(CrypTenError) -> TransferSender {
        let leaves = try TransferTrees.puncture(height, delta: delta, message: trees, keys: keys, kernels)
        return TransferSender(delta: delta, leaves: leaves, height: height, label: label, kernels: kernels)
    }
}
