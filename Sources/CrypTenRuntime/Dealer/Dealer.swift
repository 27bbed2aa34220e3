package import CrypTenBase
import CrypTenGates
import CrypTenPlanning
package import CrypTenRing
package import CrypTenTransport
import Crypto
import Foundation
import NIOCore

/// The dealer of one session: gets plans from the parties, deals, and learns nothing else.
///
/// It does what ``DealerStateMachine`` says: receives, reads plans, deals, and holds the masks of what parties keep.
package final class Dealer {
    private let transport: any Transport
    private let kernels: any Kernels
    private let configuration: SessionConfiguration
    private let buffers = FrameBuffers(capacity: Framing.wire.chunkBytes)
    private var machine: DealerStateMachine
    private var plans: [[UInt8]: (plan: Plan, schedule: Schedule)] = [:]
    private var kept: [Int: (value: DealerValue, shape: Shape)] = [:]
    /// Of how many values it has masks, for later runs.
    package var keptCount: Int { kept.count }
    /// Where the time of dealing has gone so far.
    package private(set) var work = WorkTimes()

    /// The dealer on connections that stand; `configuration` as at the parties.
    package init(transport: any Transport, kernels: any Kernels, configuration: SessionConfiguration) {
        self.transport = transport
        self.kernels = kernels
        self.configuration = configuration
        machine = DealerStateMachine(parties: transport.partyCount, window: configuration.correctionWindow)
    }

    /// Serves the session until the parties end it.
    ///
    /// - Throws: what ended it otherwise, after telling the parties: `.diverged` where they asked for different runs, where
    ///   some asked and others left, or for what wasn't kept; `.wordReused` for a run that was dealt before; `.malformedFrame`
    ///   or `.malformedFile` for what can't be a request or a plan; `.timedOut` naming who didn't ask for a run that others
    ///   asked for; `.peerLost`, `.partyFailed`. Nothing that the session had is left then.
    package func serve() throws {
        var action = machine.start
        while true {
            do {
                switch action {
                case .wait(let parties, let patience):
                    action = try next(from: parties, patience)
                case .deal(let request, let forgotten):
                    for fingerprint in forgotten { plans[fingerprint] = nil }
                    action = machine.dealt(try deal(request))
                case .close:
                    transport.close()
                    return
                case .fail(let error):
                    forgetAll()
                    transport.abort(error)
                    transport.close()
                    throw error
                }
            } catch let error where !machine.hasFailed {
                action = machine.failed(CrypTenError(failure: error, of: .dealer))
            }
        }
    }

    /// Waits for what comes next, from any of some parties.
    private func next(
        from parties: [PartyID],
        _ patience: DealerStateMachine.Patience
    ) throws -> DealerStateMachine.Action {
        let arrival = try transport.receive(
            [.plan, .credit],
            fromAnyOf: parties.map { .party($0) },
            deadline: .after(patience == .idle ? configuration.idlePatience : configuration.patience)
        )
        switch arrival {
        case nil:
            return machine.waitedTooLong()
        case .goodbye(from: .party(let party)):
            return machine.left(party)
        case .frame(let frame, from: .party(let party)) where frame.kind == .plan:
            let (request, body) = try RunRequest.read(frame.payload, from: party)
            guard body.readableBytes > 0 else { return machine.requested(request, by: party) }
            let plan = try read(body, as: request.plan, from: party)
            plans[request.plan] = (plan, Schedule(plan))
            return machine.requested(request, by: party, plan: (try PlanInterface(plan), body.readableBytes))
        case .frame(let frame, from: .party(let party)):
            return machine.credited(try frame.grantedBytes(from: .party(party)), run: frame.run, by: party)
        case .goodbye(from: .dealer), .frame(_, from: .dealer):
            preconditionFailure("the dealer waits for parties")
        }
    }

    private func read(_ body: ByteBuffer, as fingerprint: [UInt8], from party: PartyID) throws -> Plan {
        let data = Data(body.readableBytesView)
        guard Plan.fingerprint(of: data) == fingerprint else {
            throw CrypTenError(.malformedFrame, "\(party) sent a plan under the name of another")
                .telling(.malformedFrame, about: .party(party))
        }
        let plan = try Plan(decoding: data, from: .party(party))
        guard plan.parties == transport.partyCount else {
            throw CrypTenError(
                .malformedFile,
                "\(party) sent a plan for \(plan.parties) parties; the session has \(transport.partyCount)"
            )
        }
        return plan
    }

    /// Deals one run; returns what became of the account of credit.
    private func deal(_ request: RunRequest) throws -> CreditAccount {
        let binding = request.binding
        guard let (plan, schedule) = plans[request.plan] else {
            preconditionFailure("a plan that may be dealt is here")
        }
        for number in binding.released { forget(number) }
        let inputs = binding.keptInputs.map { input in
            guard let (value, shape) = kept[input.number] else {
                preconditionFailure("a value that may be read is here")
            }
            return input.rows.map { value.rows($0, of: shape, kernels) } ?? value
        }
        try plan.check(kept: inputs)
        let keptCount = plan.outputs.count { $0.kept != nil }
        guard keptCount == binding.keptOutputs.count else {
            throw CrypTenError(
                .diverged,
                "the plan keeps \(keptCount) values, the parties named \(binding.keptOutputs.count)"
            )
        }
        let hash = Array(SHA256.hash(data: request.bindingBytes))
        let keys = try (0..<transport.partyCount).map {
            SessionKeys.run(try transport.nextSecret(with: .party(PartyID($0))), bindingHash: hash)
        }
        defer {
            kernels.wipeGivenBack()
            buffers.wipe()
        }
        let clock = WorkClock()
        let context = RunContext(
            transport: transport,
            kernels: kernels,
            framing: .wire,
            meter: .correction,
            position: RunPosition(run: binding.run, binding: hash.firstWord),
            patience: configuration.patience,
            clock: clock,
            buffers: buffers
        )
        var credit = machine.credit
        let outputs = try DealerEngine(context: context, keys: keys).run(plan, schedule, kept: inputs, credit: &credit)
        transport.moveForward()
        work += WorkTimes(clock)
        let shapes = plan.outputs.lazy.filter { $0.kept != nil }.map(\.shape)
        for (number, kept) in zip(binding.keptOutputs, zip(outputs, shapes)) { self.kept[number] = kept }
        return credit
    }

    private func forget(_ number: Int) {
        guard var (value, _) = kept.removeValue(forKey: number) else { return }
        value.wipe()
    }

    private func forgetAll() {
        plans = [:]
        for number in Array(kept.keys) { forget(number) }
    }
}

extension Frame {
    /// How much a credit frame gives back.
    func grantedBytes(from sender: Role) throws -> UInt64 {
        var payload = payload
        guard let bytes = payload.readInteger(endianness: .little, as: UInt64.self), payload.readableBytes == 0 else {
            throw CrypTenError(.malformedFrame, "\(sender) granted credit in a way that can't be read")
                .telling(.malformedFrame, about: sender)
        }
        return bytes
    }
}

extension CrypTenError {
    /// What the session's end is called when a member threw an error of whatever kind.
    package init(failure error: any Error, of role: Role) {
        self = error as? CrypTenError ?? CrypTenError(.partyFailed, "\(role) failed: \(error)", cause: error)
    }
}

extension [UInt8] {
    /// The first eight bytes as a little-endian word.
    var firstWord: UInt64 {
        withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
    }
}
