import CrypTenBase
import CrypTenIdentity
import Foundation
import Testing

@Suite("Identities")
struct IdentityTests {
    /// 2030-01-01 00:00 UTC.
    private let newYear = Date(timeIntervalSince1970: 1_893_456_000)

    private func day(_ number: Int) -> Date { newYear.addingTimeInterval(Double(number) * 24 * 3600) }

    private func code(_ body: () throws -> Void) -> CrypTenError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? CrypTenError)?.code
        }
    }

    private func inFolder(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("crypten-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder)
    }

    @Test("what is created is read back the same, from a file that nobody else may read")
    func roundTrip() throws {
        try inFolder { folder in
            let made = try MemberIdentity.create(name: "clinic-1.example", days: 30, at: newYear)
            let files = try made.write(to: folder)
            #expect(files.identity.lastPathComponent == "clinic-1.example.identity.pem")
            let mode = try FileManager.default.attributesOfItem(atPath: files.identity.path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            let read = try MemberIdentity(contentsOf: files.identity)
            #expect(read.certificate == made.certificate && read.secretPEM == made.secretPEM)
            let open = try MemberCertificate(contentsOf: files.certificate)
            #expect(open == made.certificate && open.name == "clinic-1.example")
            #expect(open.isValid(at: newYear) && open.isValid(at: day(30)) && !open.isValid(at: day(31)))
            #expect(open.daysLeft(at: newYear) == 30 && open.notAfter.day == "2030-01-31 00:00 UTC")
            // Neither a file that is there nor its key is lost.
            #expect(code { _ = try made.write(to: folder) } == .fileNotReadable)
            #expect(!String(describing: made).contains(made.keyPEM) && Mirror(reflecting: made).children.isEmpty)
            #expect(!(try String(contentsOf: files.certificate, encoding: .utf8)).contains("PRIVATE"))
        }
    }

    @Test("a group may read a secret if the file is this user's or root's, and the group is this process's")
    func groups() throws {
        try inFolder { folder in
            let file = try MemberIdentity.create(name: "a").write(to: folder).identity
            func isRead(_ mode: Int) throws -> Bool {
                try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file.path)
                return code { _ = try MemberIdentity(contentsOf: file) } == nil
            }
            try FileManager.default.setAttributes([.groupOwnerAccountID: Int(getegid())], ofItemAtPath: file.path)
            for mode in [0o400, 0o600, 0o440, 0o640] { #expect(try isRead(mode), "\(String(mode, radix: 8))") }
            for mode in [0o444, 0o460, 0o450, 0o604, 0o666] { #expect(try !isRead(mode), "\(String(mode, radix: 8))") }
            // Another's file, and another group's: who may make them is root.
            guard geteuid() == 0 else { return }
            try FileManager.default.setAttributes([.groupOwnerAccountID: 54_321], ofItemAtPath: file.path)
            #expect(try !isRead(0o440) && isRead(0o400))
            try FileManager.default.setAttributes(
                [.ownerAccountID: 54_321, .groupOwnerAccountID: Int(getegid())],
                ofItemAtPath: file.path
            )
            #expect(try !isRead(0o440))
        }
    }

    @Test("an identity that others may read, no PEM text, half of one, and another's key are refused with what to do")
    func refusals() throws {
        try inFolder { folder in
            let made = try MemberIdentity.create(name: "a")
            let files = try made.write(to: folder)
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: files.identity.path)
            let readable = #expect(throws: CrypTenError.self) { _ = try MemberIdentity(contentsOf: files.identity) }
            #expect(readable?.code == .invalidArgument && readable?.message.contains("chmod 600") == true)
            #expect(
                code { _ = try MemberIdentity(contentsOf: folder.appendingPathComponent("none")) } == .fileNotReadable
            )
            let other = try MemberIdentity.create(name: "b")
            let mixed = other.keyPEM + "\n" + made.certificate.pem
            let wrong = #expect(throws: CrypTenError.self) { _ = try MemberIdentity(pem: mixed) }
            #expect(
                wrong?.message == "the key isn't that of the certificate of \"a\": both must come from the same "
                    + "`crypten identity create`"
            )
            for text in [
                "", "garbage", made.certificate.pem, made.keyPEM,
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
                made.secretPEM.replacingOccurrences(of: "A", with: "!"), String(made.secretPEM.prefix(200)),
            ] {
                let error = #expect(throws: CrypTenError.self) { _ = try MemberIdentity(pem: text) }
                #expect(error?.code == .malformedFile)
                #expect(error.map { !"\($0)".contains(made.keyPEM.dropFirst(40).prefix(20)) } == true)
            }
        }
    }

    @Test("bytes that were changed or cut anywhere are an error or another certificate, and nothing worse")
    func changedCertificates() throws {
        let der = try MemberIdentity.create(name: "a", at: newYear).certificate.der
        let own = Fingerprint(of: der)
        for position in der.indices {
            var changed = der
            changed[position] ^= 0x21
            if let certificate = try? MemberCertificate(der: changed) { #expect(certificate.fingerprint != own) }
            #expect(code { _ = try MemberCertificate(der: Array(der[..<position])) } == .malformedFile)
        }
    }

    @Test(
        "names are those of hosts, and days are bounded",
        arguments: ["", "-a", "a.", "a b", "é", "*", "a/b", "a\u{0}"]
    )
    func names(name: String) {
        #expect(code { _ = try MemberIdentity.create(name: name) } == .invalidArgument)
    }

    @Test("days are bounded", arguments: [0, -1, 3661, Int.max])
    func days(days: Int) {
        #expect(code { _ = try MemberIdentity.create(name: "a", days: days) } == .invalidArgument)
    }

    @Test("a fingerprint is read in all ways in which it is written")
    func fingerprints() throws {
        let fingerprint = try MemberIdentity.create(name: "a").certificate.fingerprint
        let text = "\(fingerprint)"
        #expect(text.count == 79 && text.split(separator: "-").allSatisfy { $0.count == 4 })
        for form in [
            text, text.uppercased(), text.replacingOccurrences(of: "-", with: ""),
            text.replacingOccurrences(of: "-", with: " "),
        ] {
            #expect(try Fingerprint(form) == fingerprint)
        }
        for form in ["", "12", text + "0", text.dropLast() + "g", String(repeating: "é", count: 64)] {
            #expect(code { _ = try Fingerprint(String(form)) } == .invalidArgument)
        }
    }

    private let one = Role.party(PartyID(1))

    private func membership(
        _ trust: [Int: PeerTrust],
        dealer: PeerTrust? = nil,
        revoked: Set<Fingerprint> = []
    ) throws -> Membership {
        let parties = Dictionary(uniqueKeysWithValues: trust.map { (PartyID($0.key), $0.value) })
        return try Membership(
            identities: [MemberIdentity.create(name: "own")],
            parties: parties,
            dealer: dealer,
            revoked: revoked
        )
    }

    @Test("a member is who its certificate says: pinned, in time, not revoked, and nobody else's")
    func pins() throws {
        let bob = try MemberIdentity.create(name: "bob", days: 10, at: newYear).certificate
        let next = try MemberIdentity.create(name: "bob", days: 10, at: day(5)).certificate
        let carol = try MemberIdentity.create(name: "carol", days: 10, at: newYear).certificate
        let trust = [
            1: PeerTrust(fingerprints: [bob.fingerprint, next.fingerprint]),
            2: PeerTrust(fingerprints: [carol.fingerprint]),
        ]
        let membership = try membership(trust, dealer: PeerTrust())
        func verdict(_ certificate: MemberCertificate?, _ role: Role, _ day: Int) -> Verdict {
            membership.judge(certificate?.der, as: role, at: self.day(day)).verdict
        }
        #expect(verdict(bob, one, 1) == .admitted && verdict(next, one, 6) == .admitted)
        #expect(verdict(bob, one, 11) == .expired && verdict(bob, one, -1) == .notYetValid)
        #expect(verdict(next, one, 4) == .notYetValid && verdict(nil, one, 1) == .missing)
        #expect(verdict(carol, one, 1) == .anothers && verdict(bob, .dealer, 1) == .anothers)
        let stranger = try MemberIdentity.create(name: "bob", at: newYear).certificate
        #expect(verdict(stranger, one, 1) == .unknown)
        #expect(membership.judge([1, 2, 3], as: one, at: newYear).verdict == .unknown)
        membership.revoke(bob.fingerprint)
        #expect(verdict(bob, one, 1) == .revoked && verdict(next, one, 6) == .admitted)
        try membership.replace(identities: [MemberIdentity.create(name: "own")], parties: [:])
        #expect(verdict(next, one, 6) == .unknown && verdict(bob, one, 1) == .revoked)
    }

    @Test("an authority vouches for the names of its own members, directly, while it is valid itself")
    func authorities() throws {
        let authority = try MemberIdentity.createAuthority(name: "ca-b", days: 100, at: newYear)
        let other = try MemberIdentity.createAuthority(name: "ca-b", days: 100, at: newYear)
        let bob = try MemberIdentity.create(name: "bob", days: 10, authority: authority, at: newYear)
        let trust = PeerTrust(name: "bob", authorities: [authority.certificate])
        let membership = try membership([1: trust, 2: PeerTrust(name: "carol", authorities: [other.certificate])])
        func verdict(_ identity: MemberIdentity, _ role: Role, _ day: Int = 1) -> Verdict {
            membership.judge(identity.certificate.der, as: role, at: self.day(day)).verdict
        }
        #expect(verdict(bob, one) == .admitted && verdict(bob, .party(PartyID(2))) == .anothers)
        #expect(verdict(bob, one, 11) == .expired)
        // The name alone, of an authority that has the same name, of one of its own members, or of the authority itself.
        for forger in [nil, other] {
            #expect(verdict(try .create(name: "bob", days: 10, authority: forger, at: newYear), one) == .unknown)
        }
        #expect(
            verdict(try .create(name: "eve", days: 10, authority: authority, at: newYear), one) == .unknown
        )
        #expect(verdict(authority, one) == .unknown)
        // A member is no authority, and nobody outlives his.
        #expect(
            code { _ = try MemberIdentity.create(name: "x", days: 1, authority: bob, at: newYear) } == .invalidArgument
        )
        #expect(
            code { _ = try MemberIdentity.create(name: "x", days: 101, authority: authority, at: newYear) }
                == .invalidArgument
        )
    }

    @Test("the first identity that is valid is shown, and the end of the last is warned of a month before")
    func rotation() throws {
        let old = try MemberIdentity.create(name: "old", days: 40, at: newYear)
        let new = try MemberIdentity.create(name: "new", days: 100, at: day(30))
        let membership = try Membership(identities: [old, new], parties: [:])
        #expect(membership.shown(at: day(35)).certificate == old.certificate)
        #expect(membership.shown(at: day(41)).certificate == new.certificate)
        #expect(membership.warnings(at: day(99)).isEmpty && membership.warnings(at: day(101)).count == 1)
        let alone = try Membership(identities: [old], parties: [:])
        #expect(alone.warnings(at: day(9)).isEmpty)
        #expect(
            alone.warnings(at: day(11)) == [
                "the certificate of this member, \"old\", expires in 29 days, on 2030-02-10 00:00 UTC: make another one "
                    + "(crypten identity create), and have the others take both until then"
            ]
        )
        #expect(alone.warnings(at: day(50))[0].contains("expired on 2030-02-10 00:00 UTC"))
        #expect(code { _ = try Membership(identities: [], parties: [:]) } == .invalidArgument)
    }

    @Test("a revoked certificate's connection is ended once, and none is watched afterwards")
    func watching() throws {
        let membership = try membership([:])
        let bob = try MemberIdentity.create(name: "bob").certificate.fingerprint
        let (first, second) = (Token(), Token())
        let ends = EndCounter()
        #expect(membership.watch(ObjectIdentifier(first), showing: bob) { ends.count() })
        #expect(membership.watch(ObjectIdentifier(second), showing: bob) { ends.count() })
        membership.unwatch(ObjectIdentifier(second))
        membership.revoke(bob)
        #expect(ends.value == 1)
        #expect(!membership.watch(ObjectIdentifier(second), showing: bob) { ends.count() })
    }
}

private final class Token {}

/// Counts on whatever thread it is called.
private final class EndCounter: @unchecked Sendable {
    // Sendable: `lock` is around the number.
    private let lock = NSLock()
    private var number = 0

    var value: Int { lock.withLock { number } }

    func count() { lock.withLock { number += 1 } }
}
