import CrypTenBase
import CrypTenGates
import CrypTenPlanning
package import CrypTenRing
package import CrypTenTransport
import Crypto
import Foundation
import NIOCore

/// The dealer of one session: gets plans from the parties, deals, and learns nothing else.
///
/// A run is dealt only when all parties asked for the same one, and never twice.
package final class Dealer {
    private let transport: any Transport
    private let kernels: any Kernels
    private let configuration: SessionConfiguration
    private let buffers = FrameBuffers(capacity: Framing.wire.chunkBytes)
    private var plans = RecentlyUsed<[UInt8], (plan: Plan, schedule: Schedule)>(capacity: PlanCache.capacity)
    private var kept: [Int: DealerValue] = [:]
    /// Runs up to here were dealt.
    private var highWater: UInt64 = 0
    /// Where the time of dealing has gone so far.
    package private(set) var work = WorkTimes()

    /// The dealer on connections that stand; `configuration` as at the parties.
    package init(transport: any Transport, kernels: any Kernels, configuration: SessionConfiguration) {
        self.transport = transport
        self.kernels = kernels
        self.configuration = configuration
    }

    /// Serves the session until the parties end it.
    ///
    /// - Throws: what ended it otherwise, after telling the parties: `.diverged` where they asked for different runs or
    ///   read what wasn't kept, `.wordReused` for a run that was dealt before, `.malformedFrame` or `.malformedFile` for
    ///   what can't be a request or a plan, `.peerLost`, `.timedOut`, `.partyFailed`.
    package func serve() throws {
        do {
            while let request = try nextRequest() { try deal(request) }
            transport.close()
        } catch let error as CrypTenError {
            transport.abort(error)
            transport.close()
            throw error
        }
    }

    private struct Request {
        var binding: RunBinding
        var bindingBytes: [UInt8]
        var dealerFingerprint: [UInt8]
    }

    /// The parties' next request; nil when they have ended the session.
    private func nextRequest() throws -> Request? {
        var first: Request?
        for party in 0..<transport.partyCount {
            let role = Role.party(PartyID(party))
            let frame: Frame
            do {
                frame = try nextPlan(from: role)
            } catch let error as CrypTenError where party == 0 && error.code == .sessionClosed {
                try awaitGoodbyes()
                return nil
            }
            let request = try read(frame, from: role)
            if let first {
                guard request.bindingBytes == first.bindingBytes, request.dealerFingerprint == first.dealerFingerprint
                else {
                    throw CrypTenError(
                        .diverged,
                        """
                        party 0 and party \(party) asked for different runs: \
                        run \(first.binding.run) of plan \(first.binding.fingerprint.prefix(12)), \
                        run \(request.binding.run) of plan \(request.binding.fingerprint.prefix(12)); \
                        all parties must run the same program on the same shapes and weights
                        """
                    )
                }
            } else {
                first = request
            }
        }
        return first
    }

    /// A party's next request, past credit for earlier runs that came too late to be of use.
    private func nextPlan(from role: Role) throws -> Frame {
        while true {
            let frame = try transport.receive(
                [.plan, .credit],
                from: role,
                deadline: .after(configuration.idlePatience)
            )
            if frame.kind == .plan { return frame }
        }
    }

    /// Party 0 has left: the others may still be at work on the last run, and send credit for it.
    private func awaitGoodbyes() throws {
        for party in 1..<transport.partyCount {
            let role = Role.party(PartyID(party))
            do {
                while true {
                    let frame = try transport.receive(
                        [.plan, .credit],
                        from: role,
                        deadline: .after(configuration.patience)
                    )
                    guard frame.kind == .credit else {
                        throw CrypTenError(
                            .diverged,
                            "\(role) asked for another run, and party 0 has closed the session"
                        )
                    }
                }
            } catch let error as CrypTenError where error.code == .sessionClosed {
                continue
            }
        }
    }

    private func read(_ frame: Frame, from role: Role) throws -> Request {
        let malformed = CrypTenError(.malformedFrame, "\(role) asked for a run in a way that the dealer doesn't know")
        var payload = frame.payload
        guard let fingerprint = payload.readBytes(length: 32),
            let count = payload.readInteger(endianness: .little, as: UInt32.self),
            let bytes = payload.readBytes(length: Int(count)),
            let binding = try? JSONDecoder().decode(RunBinding.self, from: Data(bytes))
        else { throw malformed }
        if payload.readableBytes > 0 {
            let body = Data(payload.readableBytesView)
            guard Array(SHA256.hash(data: body)) == fingerprint else { throw malformed }
            do {
                let plan = try JSONDecoder().decode(Plan.self, from: body)
                try plan.validate()
                guard plan.parties == transport.partyCount else { throw malformed }
                plans.insert((plan, Schedule(plan)), for: fingerprint)
            } catch let error as DecodingError {
                throw CrypTenError(.malformedFrame, "\(role) sent a plan that can't be read", cause: error)
            }
        }
        return Request(binding: binding, bindingBytes: bytes, dealerFingerprint: fingerprint)
    }

    private func deal(_ request: Request) throws {
        let binding = request.binding
        guard binding.run > highWater else {
            throw CrypTenError(.wordReused, "run \(binding.run) was dealt already; a run is never dealt twice")
        }
        highWater = binding.run
        guard let (plan, schedule) = plans.use(request.dealerFingerprint) else {
            throw CrypTenError(.diverged, "the parties asked for a plan that party 0 has not sent")
        }
        for number in binding.released { kept[number] = nil }
        let inputs = try binding.keptInputs.map { number in
            guard let value = kept[number] else {
                throw CrypTenError(.diverged, "the parties read kept value \(number), which the dealer doesn't have")
            }
            return value
        }
        let hash = Array(SHA256.hash(data: request.bindingBytes))
        let keys = (0..<transport.partyCount).map {
            SessionKeys.run(transport.secret(with: .party(PartyID($0))), bindingHash: hash)
        }
        let clock = WorkClock()
        let context = RunContext(
            transport: transport,
            kernels: kernels,
            framing: .wire,
            meter: .correction,
            run: binding.run,
            binding: hash.firstWord,
            patience: configuration.patience,
            clock: clock,
            buffers: buffers
        )
        let engine = DealerEngine(context: context, keys: keys, correctionWindow: configuration.correctionWindow)
        let outputs = try engine.run(plan, schedule, kept: inputs)
        work += WorkTimes(clock)
        guard outputs.count == binding.keptOutputs.count else {
            throw CrypTenError(
                .diverged,
                "the plan keeps \(outputs.count) values, the parties named \(binding.keptOutputs.count)"
            )
        }
        for (number, value) in zip(binding.keptOutputs, outputs) { kept[number] = value }
    }
}

extension [UInt8] {
    /// The first eight bytes as a little-endian word.
    var firstWord: UInt64 {
        withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
    }
}
