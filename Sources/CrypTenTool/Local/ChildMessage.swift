import ArgumentParser
import CrypTen
import CrypTenBase
import Foundation
import Synchronization

/// What a process that `--local` started tells the process that started it: one JSON object a line, on stdout.
enum ChildMessage: Codable, Sendable {
    /// The address at which it listens; the system has chosen the port.
    case listening(String)
    /// How far the run is, 0 to 1.
    case progress(layer: String?, fraction: Double)
    /// So many runs of a long session are done, and this member rests for a moment.
    case rested(afterRuns: Int)
    case party(ChildReport)
    case dealer(DealerReport)
    /// What went wrong, and whether another member was the first to notice.
    case failed(message: String, isEcho: Bool)
}

/// What a party has to tell at the end, by the program that it ran.
enum ChildReport: Codable, Sendable {
    case inference(PartyReport)
    case workload(WorkloadMeasurement)
    case training(TrainingPartyReport)
    /// A long session has ended in good order.
    case soaked

    var inference: PartyReport? {
        if case .inference(let report) = self { report } else { nil }
    }

    var training: TrainingPartyReport? {
        if case .training(let report) = self { report } else { nil }
    }

    var workload: WorkloadMeasurement? {
        if case .workload(let report) = self { report } else { nil }
    }
}

extension ChildMessage {
    /// What went wrong.
    init(failure error: any Error) {
        let known = error as? CrypTenError
        self = .failed(message: known?.toolMessage ?? "\(error)", isEcho: known?.isEcho ?? false)
    }
}

/// The answer, on the child's stdin: whom to connect with.
///
/// When stdin ends, the child does.
struct Invitation: Codable, Sendable {
    var session: String
    var parties: [String]
    /// Nil where the parties make the correlations themselves.
    var dealer: String?
    var fractionBits: Int
    var slabBits: Int
    /// Of no meaning where there is a dealer.
    var transferTreeHeight: Int
    /// Drawn for this run, so that no other program of this machine can be one of its members.
    var secret: Data
    /// What parties seal their checkpoints with, where that was asked for.
    var checkpointPassphrase: Data?
    /// Where members talk over TLS: who this one is, with its key, and the certificates of all, the dealer's last, if there is one.
    var identity: String?
    var certificates: [String]?

    /// Who this member is, and by what it knows the others; nil where they don't talk over TLS.
    func membership(own index: Int) throws -> Membership? {
        guard let identity, let certificates else { return nil }
        let trusts = try certificates.map { PeerTrust(fingerprints: [try MemberCertificate(pem: $0).fingerprint]) }
        var others: [PartyID: PeerTrust] = [:]
        for (party, trust) in trusts.prefix(parties.count).enumerated() where party != index {
            others[PartyID(party)] = trust
        }
        return try Membership(
            identities: [try MemberIdentity(pem: identity)],
            parties: others,
            dealer: index == parties.count || dealer == nil ? nil : trusts.last
        )
    }
}

/// A child's side of the conversation with the process that started it.
struct Supervisor: Sendable {
    /// How long this process waits for the others; nil: as usual.
    var deadlines: DeadlineOptions?

    /// Says something.
    func tell(_ message: ChildMessage) {
        guard let line = try? JSONEncoder().encode(message) else { preconditionFailure("messages can be encoded") }
        Output.write(String(decoding: line, as: UTF8.self) + "\n", to: STDOUT_FILENO)
    }

    /// Waits for the invitation; from then on this process ends when its stdin does.
    func invitation() async throws -> Invitation {
        guard let line = readLine(), let invitation = try? JSONDecoder().decode(Invitation.self, from: Data(line.utf8))
        else { throw CrypTenError(.peerLost, "the process that started this one is gone") }
        let watch = Thread {
            var byte: UInt8 = 0
            while true {
                let count = read(STDIN_FILENO, &byte, 1)
                if count == 0 || (count < 0 && errno != EINTR) { _exit(1) }
            }
        }
        watch.start()
        return invitation
    }

    /// Is a party: listens, connects when it is invited, runs a program and tells its report, or what went wrong.
    ///
    /// - Parameters:
    ///   - slices: Which slice is under way, to be told with the progress.
    ///   - reports: Whether party 0 tells how far each run is; a program of many tells it itself.
    ///   - prepare: Given the invitation, makes the program before others are called.
    func runParty(
        _ id: Int,
        compute: Compute,
        slices: SliceProgress = SliceProgress(),
        reports: Bool = true,
        _ prepare: (_ invitation: Invitation) throws -> @Sendable (Session) async throws -> ChildReport
    ) async throws {
        do {
            let listener = try await SessionListener.listen(at: "127.0.0.1:0")
            tell(.listening(listener.address))
            let invitation = try await invitation()
            var configuration = SessionConfiguration()
            configuration.fractionBits = invitation.fractionBits
            configuration.slabBits = invitation.slabBits
            configuration.correlations = invitation.dealer == nil ? .parties : .dealer
            configuration.transferTreeHeight = invitation.transferTreeHeight
            configuration.preSharedSecret = try PreSharedSecret(invitation.secret)
            configuration.membership = try invitation.membership(own: id)
            compute.apply(to: &configuration)
            deadlines?.apply(to: &configuration)
            let program = try prepare(invitation)
            let session = try await listener.connect(
                party: PartyID(id),
                parties: invitation.parties,
                dealer: invitation.dealer,
                session: invitation.session,
                configuration: configuration,
                timeout: deadlines?.connecting(usual: 60) ?? .seconds(60)
            )
            if id == 0, reports { try await report(progressOf: session, slices) }
            tell(.party(try await session.finishing(as: "party \(id)", program)))
        } catch {
            tell(ChildMessage(failure: error))
            throw ExitCode(1)
        }
    }

    /// Passes on how far a session's runs are, ten times a second at most.
    func report(progressOf session: Session, _ slices: SliceProgress) async throws {
        let last = Mutex(ContinuousClock.now - .seconds(1))
        try await session.onProgress { progress in
            let isDue = last.withLock { last in
                guard ContinuousClock.now - last >= .milliseconds(100) else { return false }
                last = .now
                return true
            }
            guard isDue else { return }
            let (layer, fraction) = slices.joined(progress)
            tell(.progress(layer: layer, fraction: fraction))
        }
    }
}

extension CrypTenError {
    /// Whether this tells of another member's failure, or of a signal, rather than of what has gone wrong here.
    var isEcho: Bool {
        [.partyFailed, .peerLost, .sessionClosed, .timedOut, .cancelled].contains(code)
    }
}

extension Session {
    /// Runs a program and closes the session; where the program fails, or a signal comes, tells all others why.
    func finishing<Result: Sendable>(
        as member: String,
        _ program: @Sendable (Session) async throws -> Result
    ) async throws -> Result {
        let interrupted = CrypTenError(.cancelled, "\(member) was interrupted by a signal").telling(.ended)
        return try await Interruption.ending("all members of the session were told", with: { self.abort(interrupted) })
        {
            do {
                let result = try await program(self)
                await close()
                return result
            } catch {
                abort((error as? CrypTenError) ?? CrypTenError(.partyFailed, "\(member) failed: \(error)"))
                await close()
                throw error
            }
        }
    }
}
