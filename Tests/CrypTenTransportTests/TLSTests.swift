import CrypTenBase
import CrypTenIdentity
import CrypTenTransport
import Crypto
import Foundation
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NIOSSL
import Testing

extension Connected {
    /// Members that show each other who they are.
    @Suite struct TLSTests {
        private let zero = Role.party(PartyID(0))
        private let one = Role.party(PartyID(1))

        /// Connects all members of a session of two parties; `change` has its way with each membership and configuration.
        ///
        /// - Returns: what came of it, and what each logged, by role.
        private func connect(
            deadline: Duration = .seconds(4),
            _ change: (Role, inout TCPConfiguration) -> Void
        ) async throws -> (results: [Result<TransportEndpoint, any Error>], logs: [LogRecorder]) {
            let logs = [LogRecorder(), LogRecorder(), LogRecorder()]
            let results = try await connectAll(parties: 2, deadline: deadline) { role, configuration in
                configuration.logger = logs[role == zero ? 0 : role == one ? 1 : 2].logger
                configuration.closeLimit = .milliseconds(300)
                change(role, &configuration)
            }
            await closeAll(results.compactMap { try? $0.get() })
            return (results, logs)
        }

        // MARK: What a session does

        @Test("long and short frames arrive whole, in order, both ways at once, and are counted as without TLS")
        func exchange() async throws {
            let sizes = [0, 1, 100, 16_312, 16_313, 70_000, 5 << 20, 0, 3]
            var statistics: [[TransportStatistics]] = []
            for wire in [Wire.tcp, .tls] {
                let members = try await wire.connect(parties: 3)
                let results = await onThreads(Array(members.dropLast())) { index, member in
                    let peers = (0..<3).filter { $0 != index }.map { Role.party(PartyID($0)) }
                    for _ in 0..<3 {
                        for (round, size) in sizes.enumerated() {
                            let payload = ByteBuffer(repeating: UInt8(16 * index + round), count: size)
                            for peer in peers {
                                try member.send(
                                    Frame(.opening, round: UInt32(round), payload: payload),
                                    to: peer,
                                    deadline: .soon
                                )
                            }
                        }
                        for (round, size) in sizes.enumerated() {
                            for peer in peers {
                                let frame = try member.receive([.opening], from: peer, deadline: .soon)
                                #expect(frame.round == UInt32(round))
                                guard case .party(let party) = peer else { continue }
                                #expect(
                                    frame.payload == ByteBuffer(repeating: UInt8(16 * party.index + round), count: size)
                                )
                            }
                        }
                        member.moveForward()
                    }
                }
                for result in results { try result.get() }
                statistics.append(members.map(\.statistics))
                let secrets = try [members[0].nextSecret(with: one), members[1].nextSecret(with: zero)]
                #expect(secrets[0] == secrets[1])
                await closeAll(members)
            }
            for (plain, tls) in zip(statistics[0], statistics[1]) {
                for meter in [Frame.Meter.online, .setup, .correction] { #expect(plain.sent(meter) == tls.sent(meter)) }
                #expect(plain.bytesToParties(.online) == tls.bytesToParties(.online))
            }
        }

        @Test("a sender waits while more than the limit is queued, and two that both send aren't stuck")
        func backPressure() async throws {
            let identities = try TestIdentities(parties: 2)
            let members = try await connectAll(parties: 2) { role, configuration in
                configuration.membership = identities.membership(of: role)
                configuration.sendQueueLimit = 1 << 20
                configuration.receiveQueueLimit = 1 << 20
            }.map { try $0.get() }
            try await expectBackPressure(members)
            await closeAll(members)
        }

        @Test("a dealer that takes the session of whoever calls lets its parties in by their certificates")
        func joining() async throws {
            let identities = try TestIdentities(parties: 2)
            let members = try localSession(parties: 2) { role, configuration in
                configuration.membership = identities.membership(of: role)
            }
            let results = await onThreads(members) { index, member in
                var configuration = member.configuration
                var hello: Hello?
                if member.role == .dealer {
                    configuration.session = ""
                    hello = try member.listener.firstHello(deadline: .soon, membership: configuration.membership)
                }
                return try TCPTransport.connect(
                    role: member.role,
                    configuration: configuration,
                    listener: member.listener,
                    joining: hello,
                    deadline: .soon
                )
            }
            await closeAll(try results.map { try $0.get() })
        }

        // MARK: Who isn't let in

        /// What is wrong with a certificate, and what both ends say of it: `{F}` is its fingerprint.
        struct Refusal: Sendable, CustomTestStringConvertible {
            var testDescription: String
            /// The certificate that is shown, where it isn't the member's usual one.
            var shown: @Sendable (_ name: String) throws -> MemberIdentity?
            var isPinned = true
            var isRevoked = false
            var isDealers = false
            var seen: String
            var told: String
        }

        private static let refusals = [
            Refusal(
                testDescription: "unknown",
                shown: { try MemberIdentity.create(name: $0) },
                isPinned: false,
                seen:
                    "shows a certificate that isn't known, \"{N}\", {F}: compare it with its owner by telephone, and give it as "
                    + "--peer-identity {I}=FINGERPRINT if it is the same",
                told:
                    "it doesn't know the certificate that this member shows as party {I}: read {F} to its owner, who gives it as "
                    + "--peer-identity {I}=FINGERPRINT"
            ),
            Refusal(
                testDescription: "expired",
                shown: { try MemberIdentity.create(name: $0, days: 10, at: Date().addingTimeInterval(-11 * 86400)) },
                seen:
                    "shows a certificate that expired on {E}, \"{N}\", {F}: its owner makes another one (crypten identity create), and "
                    + "reads its fingerprint to the others",
                told:
                    "the certificate that this member shows as party {I} has expired by its clock; it ends on {E}: make another one (crypten "
                    + "identity create), and read its fingerprint to the others"
            ),
            Refusal(
                testDescription: "not yet valid",
                shown: { try MemberIdentity.create(name: $0, days: 10, at: Date().addingTimeInterval(2 * 86400)) },
                seen: "shows a certificate that begins on {B}, \"{N}\", {F}: compare the clocks; it is ",
                told:
                    "the certificate that this member shows as party {I} isn't valid yet by its clock; it begins on {B}: compare the clocks of "
                    + "both machines"
            ),
            Refusal(
                testDescription: "revoked",
                shown: { _ in nil },
                isRevoked: true,
                seen: "shows a certificate that is revoked here, \"{N}\", {F}",
                told:
                    "it no longer takes the certificate that this member shows as party {I}, {F}, which is revoked there: make another one "
                    + "(crypten identity create), and read its fingerprint to the others"
            ),
            Refusal(
                testDescription: "another's",
                shown: { _ in nil },
                isDealers: true,
                seen:
                    "shows the certificate of the dealer, \"member-dealer\", {F}: compare the addresses, and which --identity each "
                    + "member has",
                told:
                    "the certificate that this member shows as party {I} is another member's there: compare --identity here with "
                    + "--peer-identity there"
            ),
        ]

        @Test(
            "who is refused is told why, and the refusing end logs it: who calls and who is called",
            arguments: refusals,
            [true, false]
        )
        func refused(refusal: Refusal, isCaller: Bool) async throws {
            let identities = try TestIdentities(parties: 2)
            let (culprit, judge) = isCaller ? (one, zero) : (zero, one)
            let shown =
                try refusal.shown(culprit.testName) ?? identities.identities[refusal.isDealers ? .dealer : culprit]!
            let addresses = NIOLockedValueBox<[Role: TCPAddress]>([:])
            let (results, logs) = try await connect(deadline: .seconds(2)) { role, configuration in
                addresses.withLockedValue { $0 = configuration.peers }
                configuration.membership = identities.membership(of: role) { own, trust, revoked in
                    if role == culprit { own = [shown] }
                    guard role != culprit else { return }
                    // The dealer sees the same, or takes what only the judge refuses.
                    if refusal.isPinned, !refusal.isDealers || role == .dealer {
                        trust[culprit]?.fingerprints.insert(shown.certificate.fingerprint)
                    }
                    if refusal.isRevoked, role == judge { revoked = [shown.certificate.fingerprint] }
                }
            }
            func filled(_ text: String) -> String {
                [
                    ("{N}", culprit.testName), ("{F}", "\(shown.certificate.fingerprint)"), ("{I}", culprit.option),
                    ("{E}", shown.certificate.notAfter.day), ("{B}", shown.certificate.notBefore.day),
                ].reduce(text) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
            }
            let (judgeIndex, culpritIndex) = isCaller ? (0, 1) : (1, 0)
            let place = addresses.withLockedValue { $0[zero]! }
            let logged = logs[judgeIndex].warnings.joined(separator: "\n")
            let told = filled(refusal.told)
            if isCaller {
                #expect(logged.contains("turned a caller away: the caller at 127.0.0.1:"))
                #expect(logged.contains(", as party 1, " + filled(refusal.seen)))
                #expect(results[culpritIndex].errorCode == .identityRefused)
                let text = results[culpritIndex].errorText
                #expect(text.hasSuffix(" refused the connection: \(told)"))
                #expect(text.hasPrefix("party 0 at \(place) ") || text.hasPrefix("the dealer at 127.0.0.1:"))
            } else {
                #expect(logged.contains("ended a call: party 0 at \(place) " + filled(refusal.seen)))
                #expect(results[judgeIndex].errorCode == .identityRefused)
                #expect(results[judgeIndex].errorText.hasPrefix("party 0 at \(place) " + filled(refusal.seen)))
                let heard = logs[culpritIndex].warnings.joined(separator: "\n")
                #expect(heard.contains(", as party 1, refused the connection: \(told)"))
            }
            // Neither has a session, and all ended within the deadline; the dealer may have had one until they hung up.
            for result in results[..<2] { #expect(result.errorCode != nil) }
        }

        @Test(
            "a member without an identity and one with it end with a sentence at once, whoever calls",
            arguments: [true, false]
        )
        func withoutTLS(callerHasIdentity: Bool) async throws {
            let identities = try TestIdentities(parties: 2)
            let start = ContinuousClock.now
            let (results, logs) = try await connect { role, configuration in
                guard (role == one) == callerHasIdentity else { return }
                configuration.membership = identities.membership(of: role)
            }
            #expect(ContinuousClock.now - start < .seconds(20))
            if callerHasIdentity {
                #expect(results[1].errorCode == .insecureTransport)
                #expect(
                    results[1].errorText.hasSuffix(
                        " doesn't speak TLS: give every member an identity (--identity FILE), or none"
                    )
                )
            } else {
                #expect(results[1].errorCode == .peerLost)
                #expect(results[1].errorText.contains("hung up during the handshake"))
                #expect(logs[0].warnings.contains { $0.contains("doesn't speak TLS: give every member an identity") })
            }
            for result in results { #expect(result.errorCode != nil) }
        }

        /// What a client of a test's making meets at a member that lets nobody in without a certificate.
        private func client(
            _ configuration: TLSConfiguration,
            says bytes: ByteBuffer? = nil
        ) async throws -> (failure: String, heard: ByteBuffer, log: [String]) {
            let identities = try TestIdentities(parties: 2)
            var members = try localSession(parties: 2) { role, configuration in
                configuration.membership = identities.membership(of: role)
            }
            let log = LogRecorder()
            members[0].configuration.logger = log.logger
            for member in members[1...] { member.listener.close() }
            let party = members[0]
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            async let connected = onThreads({
                _ = try TCPTransport.connect(
                    role: party.role,
                    configuration: party.configuration,
                    listener: party.listener,
                    deadline: .after(.seconds(2))
                )
            })
            let context = try NIOSSLContext(configuration: configuration)
            let ear = NIOLockedValueBox((failure: "", heard: ByteBuffer()))
            let channel = try await ClientBootstrap(group: group)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let tls = try NIOSSLClientHandler(context: context, serverHostname: nil)
                        try channel.pipeline.syncOperations.addHandler(tls)
                        try channel.pipeline.syncOperations.addHandler(Ear(ear))
                    }
                }
                .connect(host: "127.0.0.1", port: party.listener.address.port)
                .get()
            if let bytes { channel.writeAndFlush(bytes, promise: nil) }
            try? await channel.closeFuture.get()
            #expect(await connected[0].errorCode == .timedOut)
            try await group.shutdownGracefully()
            let (failure, heard) = ear.withLockedValue { $0 }
            return (failure, heard, log.warnings)
        }

        private final class Ear: ChannelInboundHandler {
            typealias InboundIn = ByteBuffer

            let kept: NIOLockedValueBox<(failure: String, heard: ByteBuffer)>

            init(_ kept: NIOLockedValueBox<(failure: String, heard: ByteBuffer)>) {
                self.kept = kept
            }

            func channelRead(context: ChannelHandlerContext, data: NIOAny) {
                let bytes = unwrapInboundIn(data)
                _ = kept.withLockedValue { $0.heard.writeImmutableBuffer(bytes) }
            }

            func errorCaught(context: ChannelHandlerContext, error: any Error) {
                kept.withLockedValue { $0.failure += "\(error)" }
                context.close(promise: nil)
            }
        }

        @Test("a client of TLS 1.2 is refused by the protocol, and logged") func oldClient() async throws {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.certificateVerification = .none
            configuration.maximumTLSVersion = .tlsv12
            let (failure, heard, log) = try await client(configuration)
            #expect(failure.contains("handshakeFailed") && heard.readableBytes == 0)
            #expect(log.contains { $0.hasSuffix("speaks no TLS 1.3, and nothing older is taken") })
        }

        @Test("a client without a certificate is told that it has shown none, and gets nothing else") func bareClient()
            async throws
        {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.certificateVerification = .none
            let claim = Admission(.admitted, from: one, to: zero)
            var (_, heard, log) = try await client(configuration, says: claim.encoded)
            #expect(heard.readableBytes == Admission.size)
            #expect(try Admission.read(from: &heard) == Admission(.missing, from: zero, to: one))
            #expect(
                log.contains {
                    $0.hasSuffix(", as party 1, shows no certificate: every member needs an identity (--identity FILE)")
                }
            )
        }

        @Test("what isn't an admission is answered by hanging up", arguments: [0, 3, 8, 10, 11, 14, 23])
        func noAdmission(position: Int) async throws {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.certificateVerification = .none
            var bytes = Admission(.admitted, from: one, to: zero).encoded
            bytes.setInteger(UInt8(0xFE), at: position)
            if position == 14 { bytes.setInteger(UInt16(0xFEFF), at: 12) }
            let (_, heard, _) = try await client(configuration, says: bytes)
            #expect(heard.readableBytes == 0)
        }

        @Test("admissions are 24 bytes, read back the same, whatever they say", arguments: Verdict.allCases)
        func admissions(verdict: Verdict) throws {
            for (sender, recipient) in [(zero, Role.dealer), (.dealer, one), (one, zero)] {
                let admission = Admission(verdict, from: sender, to: recipient)
                var bytes = admission.encoded
                #expect(bytes.readableBytes == Admission.size)
                #expect(try Admission.read(from: &bytes) == admission)
                var part = admission.encoded.getSlice(at: 0, length: Admission.size - 1)!
                #expect(try Admission.read(from: &part) == nil && part.readableBytes == Admission.size - 1)
            }
        }

        // MARK: What goes over the network

        #if os(Linux)
        /// Connects three members, with a relay of bytes between party 1 and party 0.
        private func connect(
            _ identities: TestIdentities?,
            through change: @escaping @Sendable (Bool, Int, inout [UInt8]) -> Void = { _, _, _ in }
        ) async throws -> (relay: ByteRelay, results: [Result<TransportEndpoint, any Error>]) {
            let relay = NIOLockedValueBox<ByteRelay?>(nil)
            let results = try await connectAll(parties: 2, deadline: .seconds(4)) { role, configuration in
                configuration.membership = identities?.membership(of: role)
                configuration.silenceLimit = .seconds(1)
                configuration.closeLimit = .milliseconds(300)
                guard role == one, let address = configuration.peers[zero] else { return }
                let made = try? ByteRelay(to: address.description, change: change)
                relay.withLockedValue { $0 = made }
                configuration.peers[zero] = made.map { TCPAddress(host: "127.0.0.1", port: $0.port) }
            }
            return (try #require(relay.withLockedValue { $0 }), results)
        }

        private func contains(_ bytes: [UInt8], _ part: [UInt8]) -> Bool {
            guard bytes.count >= part.count else { return false }
            return (0...(bytes.count - part.count)).contains {
                bytes[$0] == part[0] && bytes[$0..<($0 + part.count)].elementsEqual(part)
            }
        }

        @Test("no hello, no admission and no frame's header is seen on the wire; without TLS they are") func capture()
            async throws
        {
            for identities in [nil, try TestIdentities(parties: 2)] {
                let (relay, results) = try await connect(identities)
                let members = try results.map { try $0.get() }
                try members[1].send(
                    Frame(.opening, binding: 0x0123_4567_89AB_CDEF, payload: bytes("abc")),
                    to: zero,
                    deadline: .soon
                )
                let frame = try await onThread { try members[0].receive([.opening], from: one, deadline: .soon) }
                #expect(frame.payload == bytes("abc"))
                await closeAll(members)
                relay.close()
                let isSeen = contains(relay.seen, Array(SHA256.hash(data: Array("test".utf8))))
                #expect(isSeen == (identities == nil))
                let binding: [UInt8] = [0xEF, 0xCD, 0xAB, 0x89, 0x67, 0x45, 0x23, 0x01]
                #expect(contains(relay.seen, binding) == (identities == nil))
                #expect(!contains(relay.seen, Array("crypten\n".utf8)))
            }
        }

        @Test(
            "a bit that is flipped anywhere ends the session by name within the silence limit",
            arguments: [0, 7, 100, 700, 1500, 2500, 3200, 10_000],
            [true, false]
        )
        func tampering(position: Int, isOut: Bool) async throws {
            let identities = try TestIdentities(parties: 2)
            let (relay, results) = try await connect(identities) { direction, begin, piece in
                guard direction == isOut, piece.indices.contains(position - begin) else { return }
                piece[position - begin] ^= 0x10
            }
            defer { relay.close() }
            let members = results.compactMap { try? $0.get() }
            if members.count == 3 {
                let start = ContinuousClock.now
                let outcomes = await onThreads(Array(members.dropLast())) { index, member in
                    let peer = Role.party(PartyID(1 - index))
                    for _ in 0..<20 {
                        try member.send(
                            Frame(.opening, payload: ByteBuffer(repeating: 7, count: 1000)),
                            to: peer,
                            deadline: .soon
                        )
                        let frame = try member.receive([.opening], from: peer, deadline: .soon)
                        #expect(frame.payload == ByteBuffer(repeating: 7, count: 1000))
                    }
                    Thread.sleep(forTimeInterval: 0.5)
                    _ = try member.receive([.control], from: peer, deadline: .soon)
                }
                for outcome in outcomes {
                    let codes: [CrypTenError.Code?] = [.malformedFrame, .peerLost, .partyFailed, .timedOut]
                    #expect(codes.contains(outcome.errorCode), "\(outcome.errorText)")
                }
                #expect(ContinuousClock.now - start < .seconds(4))
            } else {
                // The handshake was hit: one says why at once, and whoever has a session already hears of it there.
                #expect(results[..<2].contains { $0.errorCode != nil })
                let outcomes = await onThreads(Array(results[..<2])) { index, result in
                    let peer = Role.party(PartyID(1 - index))
                    _ = try result.get().receive([.opening], from: peer, deadline: .after(.seconds(4)))
                }
                for outcome in outcomes { #expect(outcome.errorCode != nil) }
            }
            await closeAll(members)
        }
        #endif

        // MARK: What changes while sessions run

        @Test("revoking a certificate ends its holder's session at once, by name, and no other") func revocation()
            async throws
        {
            let identities = try TestIdentities(parties: 2)
            let membership = identities.membership(of: zero)
            let members = try await connectAll(parties: 2) { role, configuration in
                configuration.membership = role == zero ? membership : identities.membership(of: role)
            }.map { try $0.get() }
            let start = ContinuousClock.now
            let fingerprint = identities.fingerprint(of: one)
            let results = await onThreads(
                { _ = try members[0].receive([.opening], from: .party(PartyID(1)), deadline: .soon) },
                { _ = try members[1].receive([.opening], from: .party(PartyID(0)), deadline: .soon) },
                { _ = try members[2].receive([.control], from: .party(PartyID(0)), deadline: .soon) },
                {
                    Thread.sleep(forTimeInterval: 0.1)
                    membership.revoke(try MemberIdentity.create(name: "a").certificate.fingerprint)
                    Thread.sleep(forTimeInterval: 0.1)
                    membership.revoke(fingerprint)
                }
            )
            #expect(ContinuousClock.now - start < .seconds(2))
            #expect(results[0].errorCode == .identityRefused)
            #expect(
                results[0].errorText
                    == "the certificate of party 1, \(fingerprint), is revoked here: this session is over"
            )
            #expect(results[1].errorCode == .partyFailed)
            #expect(
                results[1].errorText.hasPrefix(
                    "party 0 gave up: it and party 1 don't agree who they are; what they print says which certificate isn't taken"
                )
            )
            #expect(results[2].errorCode == .partyFailed)
            await closeAll(members)
        }

        @Test(
            "while a member changes its certificate both are taken, and the second is shown once the first has expired"
        )
        func rotation() async throws {
            let identities = try TestIdentities(parties: 2)
            let old = try MemberIdentity.create(name: one.testName, days: 1, at: Date().addingTimeInterval(-3 * 86400))
            let (results, logs) = try await connect { role, configuration in
                configuration.membership = identities.membership(of: role) { own, trust, _ in
                    if role == one { own = [old] + own }
                    trust[one]?.fingerprints.insert(old.certificate.fingerprint)
                }
            }
            for result in results { _ = try result.get() }
            #expect(logs.allSatisfy { $0.warnings.isEmpty })
        }

        @Test("a certificate that ends within a month is warned of at both ends") func warning() async throws {
            let identities = try TestIdentities(parties: 2)
            let short = try MemberIdentity.create(name: one.testName, days: 20)
            let (results, logs) = try await connect { role, configuration in
                configuration.membership = identities.membership(of: role) { own, trust, _ in
                    if role == one { own = [short] }
                    if role != one { trust[one] = PeerTrust(fingerprints: [short.certificate.fingerprint]) }
                }
            }
            for result in results { _ = try result.get() }
            #expect(
                logs[1].warnings.contains {
                    $0.hasPrefix("the certificate of this member, \"member-1\", expires in 19 days")
                }
            )
            for other in [logs[0], logs[2]] {
                #expect(
                    other.warnings.contains {
                        $0.hasPrefix("the certificate of party 1, \"member-1\", expires in 19 days")
                    }
                )
            }
        }

        @Test("members of organisations with authorities of their own know each other by name") func authorities()
            async throws
        {
            var authorities: [Role: MemberIdentity] = [:]
            var own: [Role: MemberIdentity] = [:]
            for role in Role.all(partyCount: 2) {
                authorities[role] = try MemberIdentity.createAuthority(name: "ca-\(role.option)")
                own[role] = try MemberIdentity.create(name: role.testName, authority: authorities[role])
            }
            let identities = try TestIdentities(parties: 2)
            let (results, _) = try await connect { role, configuration in
                configuration.membership = identities.membership(of: role) { shown, trust, _ in
                    shown = [own[role]!]
                    for other in trust.keys {
                        trust[other] = PeerTrust(name: other.testName, authorities: [authorities[other]!.certificate])
                    }
                }
            }
            for result in results { _ = try result.get() }
        }

        // MARK: What TLS leaves open

        @Test("the inner secret follows from the certificates of both ends, and their names") func binding() throws {
            let roles = [zero, one]
            let sessions = try roles.map { try SessionIdentity(role: $0, partyCount: 2, session: "s", parameters: "") }
            let certificates = try ["a", "b", "a"].map { try MemberIdentity.create(name: $0).certificate }
            func agree(_ first: CertifiedPeer?, _ second: CertifiedPeer?) throws -> Bool {
                let ends = [Handshake(sessions[0], certified: first), Handshake(sessions[1], certified: second)]
                let secrets = try [ends[0].secret(with: one, ends[1].hello), ends[1].secret(with: zero, ends[0].hello)]
                return secrets[0].secrets.derive("x") == secrets[1].secrets.derive("x")
            }
            let zeros = CertifiedPeer(role: one, theirs: certificates[1], ours: certificates[0])
            let ones = CertifiedPeer(role: zero, theirs: certificates[0], ours: certificates[1])
            #expect(try agree(nil, nil) && agree(zeros, ones))
            var another = ones
            another.theirs = certificates[2]
            #expect(try !agree(zeros, another) && !agree(zeros, nil) && !agree(nil, ones))
            #expect(try !agree(zeros, CertifiedPeer(role: zero, theirs: certificates[1], ours: certificates[0])))
        }

        @Test("who has shown one member's certificate can't say inside that it is another") func hello() throws {
            let dealer = try SessionIdentity(role: .dealer, partyCount: 2, session: "s", parameters: "")
            let caller = try SessionIdentity(role: zero, partyCount: 2, session: "s", parameters: "")
            let certificates = try ["a", "b"].map { try MemberIdentity.create(name: $0).certificate }
            for certified in [zero, one] {
                let peer = CertifiedPeer(role: certified, theirs: certificates[0], ours: certificates[1])
                var machine = ConnectionStateMachine(dealer, calling: nil, certified: peer)
                let frame = Frame(.hello, payload: Handshake(caller).hello.encoded)
                let header = FrameHeader(
                    frame,
                    from: zero.wireNumber,
                    to: Role.dealer.wireNumber,
                    epoch: 0,
                    sequence: 0
                )
                var sealed = FrameCipher.unkeyed.sealedHeader(header, frame.payload)
                let (read, tag) = try #require(try FrameHeader.read(from: &sealed))
                var raw = FrameAssembler.RawFrame(header: read, tag: tag, payload: frame.payload)
                switch machine.received(&raw) {
                case .introduced(let role): #expect(role == certified)
                case .fail(let error, _):
                    #expect(certified == one && error.code == .identityRefused)
                    #expect(
                        error.message == "a caller says that it is party 0, and has shown the certificate of party 1"
                    )
                case let other: Issue.record("\(other)")
                }
            }
        }

        @Test("addresses of other machines are taken with an identity") func otherMachines() throws {
            let membership = try TestIdentities(parties: 2).membership(of: zero)
            let everywhere = TCPAddress(host: "0.0.0.0", port: 0)
            let refused = Result { _ = try TCPListener.bind(everywhere) }
            #expect(refused.errorCode == .insecureTransport)
            #expect(
                refused.errorText.contains("crypten identity create NAME")
                    && refused.errorText.contains("--insecure-no-tls")
            )
            try TCPListener.bind(everywhere, membership: membership).close()
        }

        @Test("so many callers that say nothing are left waiting, and no more") func turnstile() async throws {
            let identities = try TestIdentities(parties: 2)
            var members = try localSession(parties: 2) { $1.membership = identities.membership(of: $0) }
            for member in members[1...] { member.listener.close() }
            let party = members.removeFirst()
            async let connected = onThreads({
                _ = try TCPTransport.connect(
                    role: party.role,
                    configuration: party.configuration,
                    listener: party.listener,
                    deadline: .after(.seconds(2))
                )
            })
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            var channels: [any Channel] = []
            for _ in 0..<80 {
                let channel = try await ClientBootstrap(group: group)
                    .connect(host: "127.0.0.1", port: party.listener.address.port).get()
                channels.append(channel)
            }
            try await Task.sleep(for: .milliseconds(500))
            #expect(channels.count { $0.isActive } == 64)
            #expect(await connected[0].errorCode == .timedOut)
            try await group.shutdownGracefully()
        }
    }
}
