import CrypTenBase
import CrypTenCorrelations
import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import CrypTenTransport
import Crypto

/// What a session has at one of two parties who make their correlations themselves.
final class PairState {
    let maker: any CorrelationMaker
    let peer: Role
    /// Whether exchange 0 is over.
    var isConnected = false
    /// This party's alone: of it come the keys of each run, and it moves forward with each.
    private var chain = KeyChain(SymmetricKey(size: .bits256))
    /// What the maker keeps of kept values' masks, by number, and the values' shapes: of prepared runs, too, before they are used.
    private var kept: [Int: (mask: any KeptMask, shape: Shape)] = [:]

    /// A pair that begins.
    init(_ maker: any CorrelationMaker, peer: Role) {
        (self.maker, self.peer) = (maker, peer)
    }

    /// The pair of a session; nil where there is a dealer.
    convenience init?(_ configuration: SessionConfiguration, of transport: any Transport, kernels: any Kernels) throws {
        guard configuration.correlations == .parties, case .party(let own) = transport.role else { return nil }
        let maker = try configuration.correlationMaker(party: own.index, kernels: kernels)
        self.init(maker, peer: .party(PartyID(1 - own.index)))
    }

    deinit {
        forgetAll()
    }

    /// The keys of the next run; they can't be made again.
    func nextKeys(bindingHash: [UInt8]) -> (keys: RunKeys, seeds: ExpansionKey) {
        let secret = chain.derive("crypten run secret")
        chain.moveForward()
        return (
            SessionKeys.run(secret, bindingHash: bindingHash),
            SessionKeys.maskBits(secret, bindingHash: bindingHash)
        )
    }

    /// What is kept of a value that a run reads.
    ///
    /// - Throws: `.sessionClosed` for one that was released.
    func mask(of read: KeptRead) throws -> any KeptMask {
        guard let (mask, shape) = kept[read.number] else {
            throw CrypTenError(.sessionClosed, "kept value \(read.number) was released")
        }
        return read.rows.map { mask.rows($0, of: shape) } ?? mask
    }

    func keep(_ mask: any KeptMask, of number: Int, shape: Shape) {
        kept[number] = (mask, shape)
    }

    /// Overwrites what is kept of a value, and forgets it.
    func forget(_ number: Int) {
        kept.removeValue(forKey: number)?.mask.wipe()
    }

    func forgetAll() {
        for number in Array(kept.keys) { forget(number) }
    }

    /// Of how many values something is kept.
    var keptCount: Int { kept.count }
}

extension SessionConfiguration {
    /// What makes this party's half of the correlations.
    func correlationMaker(party: Int, kernels: any Kernels) throws -> any CorrelationMaker {
        if let insecureMaker { return try insecureMaker(party, kernels) }
        return PairMaker(
            party: party,
            kernels: kernels as? NativeKernels ?? NativeKernels(threads: threads ?? 1),
            height: try SessionConfiguration.treeHeight(transferTreeHeight)
        )
    }
}
