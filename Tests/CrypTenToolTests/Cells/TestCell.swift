import AsyncHTTPClient
import CrypTenBase
import CrypTenClient
import CrypTenIdentity
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import Testing
import _CrypTenTestSupport

/// A cell of processes on loopback, with identities of its own: what the tests of doors and daemons ask.
///
/// Safety of `@unchecked Sendable`: `running` is touched under the lock, everything else is constant.
final class TestCell: @unchecked Sendable {
    /// Who listens where, and shows what, while that changes.
    struct Moves: Sendable {
        /// Party 0 has another identity beside its own: the other one first.
        var hasNext = false
        /// The dealer is elsewhere.
        var hasMoved = false
        var revoked: [String] = []
    }

    /// What a test changes of the usual.
    struct Settings: Sendable {
        var parties = 2
        /// Of the model's settings.
        var batch = "{window: 2ms, sizes: [1, 8]}"
        var prepared = "{1: 2}"
        /// Of the client `app`.
        var allowance = "{}"
        var limits = "{waiting: 2s, arrival: 2s}"
        var origins = "[]"
        /// PEM of a public key of a second client, `other`, which has tokens.
        var tokenKey: String?
    }

    let settings: Settings
    let folder: TemporaryFolder
    let members: [String]
    private let ports: [Int]
    private let lock = NSLock()
    private var running: [String: Tool.Running] = [:]

    /// Writes the files of a cell; nobody runs yet.
    init(_ settings: Settings = Settings()) throws {
        self.settings = settings
        folder = try TemporaryFolder()
        members = (0..<settings.parties).map { "p\($0)" } + ["dealer"]
        ports = try FreePorts.onLoopback(3 * settings.parties + 4)
        for name in members + ["app", "stranger", "next"] {
            _ = try MemberIdentity.create(name: name).write(to: URL(fileURLWithPath: folder.path("")))
        }
        try replaceModel()
        try writeFile()
    }

    /// Puts the model's file anew where its owner has it.
    func replaceModel() throws {
        try Data(contentsOf: URL(fileURLWithPath: TestCell.model)).write(
            to: URL(fileURLWithPath: folder.path("digits.onnx")),
            options: .atomic
        )
    }

    func identity(_ name: String) throws -> MemberIdentity {
        try MemberIdentity(contentsOf: URL(fileURLWithPath: folder.path("\(name).identity.pem")))
    }

    func fingerprint(_ name: String) throws -> String {
        "\(try identity(name).certificate.fingerprint)"
    }

    /// Where a party's door is.
    func door(_ party: Int) -> String { "https://127.0.0.1:\(ports[settings.parties + 1 + party])" }
    func status(_ member: Int) -> String { "http://127.0.0.1:\(ports[2 * settings.parties + 1 + member])" }

    /// Writes the cluster file, with what is revoked.
    func writeFile(revoked: [String] = [], extra: (String) -> String = { $0 }) throws {
        var lines = ["cell: test", "members:"]
        for party in 0..<settings.parties {
            lines += [
                "  p\(party):", "    party: \(party)", "    address: 127.0.0.1:\(ports[party])",
                "    door: \(door(party))",
                "    identity: [\(try fingerprint("p\(party)"))]",
            ]
        }
        lines += [
            "dealers:",
            "  dealer: {address: \"127.0.0.1:\(ports[settings.parties])\", identity: [\(try fingerprint("dealer"))]}",
            "models:", "  digits:", "    owner: p1", "    inputs: {x: {shapes: [[rows, 1, 8, 8]], range: [0, 1]}}",
            "    batch: \(settings.batch)", "    prepared: \(settings.prepared)", "clients:",
            "  app: {certificates: [\(try fingerprint("app"))], models: {digits: \(settings.allowance)}}",
        ]
        if let key = settings.tokenKey {
            lines +=
                ["  other:", "    keys:", "      - |"] + key.split(separator: "\n").map { "        \($0)" } + [
                    "    models: {digits: {}}"
                ]
        }
        lines += ["origins: \(settings.origins)", "limits: \(settings.limits)"]
        if !revoked.isEmpty { lines.append("revoked: [\(revoked.joined(separator: ", "))]") }
        lines.append("local:")
        for (index, name) in members.enumerated() {
            let model = index == 1 ? ", models: {digits: \"\(folder.path("digits.onnx"))\"}" : ""
            lines.append(
                "  \(name): {identity: [\"\(folder.path("\(name).identity.pem"))\"], status: \"\(status(index).dropFirst(7))\", "
                    + "state: \"\(folder.path("\(name).state"))\"\(model)}"
            )
        }
        try extra(lines.joined(separator: "\n") + "\n").write(
            toFile: folder.path("cell.yaml"),
            atomically: true,
            encoding: .utf8
        )
    }

    /// The digits network of the demonstration.
    static let model = Tool.executable.deletingLastPathComponent()
        .appendingPathComponent("swift-crypten_CrypTenTool.resources/digits/cnn.onnx").path

    // MARK: Processes

    func start(_ names: [String]? = nil) throws {
        for name in names ?? members {
            let run = try Tool.start(
                ["serve", "--cluster", folder.path("cell.yaml"), "--as", name],
                in: try TemporaryFolder()
            )
            lock.withLock { running[name] = run }
        }
    }

    /// Waits until all parties are ready.
    func ready(within limit: Duration = .seconds(60)) async throws {
        let deadline = ContinuousClock.now + limit
        for party in 0..<settings.parties {
            while (try? await TestCell.get("\(status(party))/ready").status) != 200 {
                guard ContinuousClock.now < deadline else {
                    Issue.record("the cell isn't ready: \(try log("p\(party)"))")
                    throw CrypTenError(.timedOut, "the cell isn't ready")
                }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    /// Lets go of a process, which goes on until whoever has it ends it.
    func release(_ name: String) -> Tool.Running? {
        lock.withLock { running.removeValue(forKey: name) }
    }

    /// Writes the cluster file after something has changed, and has all read it.
    func change(_ moves: Moves) throws {
        let address = "127.0.0.1:\(ports[settings.parties])"
        let other = "127.0.0.1:\(ports[3 * settings.parties + 2])"
        // The old process may still be there when the new one begins.
        let status = String(status(settings.parties).dropFirst(7))
        let otherStatus = "127.0.0.1:\(ports[3 * settings.parties + 3])"
        let (own, next) = try (fingerprint("p0"), fingerprint("next"))
        try writeFile(revoked: moves.revoked) { [folder] text in
            var text = text
            if moves.hasMoved {
                text = text.replacingOccurrences(of: address, with: other)
                text = text.replacingOccurrences(of: status, with: otherStatus)
            }
            if moves.hasNext {
                text = text.replacingOccurrences(of: "identity: [\(own)]", with: "identity: [\(next), \(own)]")
                let file = folder.path("p0.identity.pem")
                text = text.replacingOccurrences(
                    of: "[\"\(file)\"]",
                    with: "[\"\(folder.path("next.identity.pem"))\", \"\(file)\"]"
                )
            }
            return text
        }
        for name in members { signal(SIGHUP, name) }
    }

    func log(_ name: String) throws -> String {
        try lock.withLock { running[name] }?.text("stderr") ?? ""
    }

    func signal(_ number: Int32, _ name: String) {
        guard let run = lock.withLock({ running[name] }), run.process.isRunning else { return }
        kill(run.process.processIdentifier, number)
    }

    /// Ends all, and says how each ended.
    @discardableResult
    func stop() async throws -> [String: Int32] {
        for name in members { signal(SIGTERM, name) }
        var codes: [String: Int32] = [:]
        for (name, run) in lock.withLock({ running }) {
            codes[name] = try await run.finish(within: .seconds(30)).code
            run.folder.remove()
        }
        return codes
    }

    deinit {
        for run in running.values where run.process.isRunning { kill(run.process.processIdentifier, SIGKILL) }
        folder.remove()
    }

    // MARK: Asking

    /// A client of the project's own, as `app`.
    func client(_ options: CellClient.Options = CellClient.Options()) throws -> CellClient {
        let file = URL(fileURLWithPath: folder.path("app.identity.pem"))
        return try CellClient(cell(), identity: .certificate(file, key: file), options: options)
    }

    func cell() throws -> Cell {
        try Cell(
            name: "test",
            parties: (0..<settings.parties).map { party in
                let next = party == 0 ? [try fingerprint("next")] : []
                return try CellParty(
                    name: "p\(party)",
                    url: door(party),
                    fingerprints: [fingerprint("p\(party)")] + next
                )
            }
        )
    }

    struct Reply: Sendable {
        var status: UInt
        var bytes: Data
        var body: String { String(decoding: bytes, as: UTF8.self) }
        var headers: HTTPHeadersCopy
        /// `crypten_code` of a refusal.
        var code: String? {
            ((try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any])?["crypten_code"] as? String
        }
    }
    typealias HTTPHeadersCopy = [String: String]

    /// A request of whatever form, by whoever.
    ///
    /// - Parameter identity: Whose certificate is shown; nil: none.
    func ask(
        _ path: String,
        party: Int,
        as identity: String? = "app",
        method: String = "GET",
        headers: [(String, String)] = [],
        body: Data? = nil
    ) async throws -> Reply {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.certificateVerification = .none
        if let identity {
            let shown = try self.identity(identity)
            tls.certificateChain = [
                .certificate(try NIOSSLCertificate(bytes: Array(shown.certificate.pem.utf8), format: .pem))
            ]
            tls.privateKey = .privateKey(
                try NIOSSLPrivateKey(file: folder.path("\(identity).identity.pem"), format: .pem)
            )
        }
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: .init(tlsConfiguration: tls))
        do {
            var request = HTTPClientRequest(url: door(party) + path)
            request.method = .init(rawValue: method)
            for (name, value) in headers { request.headers.add(name: name, value: value) }
            if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
            let response = try await client.execute(request, timeout: .seconds(20))
            let bytes = Data((try await response.body.collect(upTo: 1 << 24)).readableBytesView)
            try await client.shutdown()
            return Reply(
                status: response.status.code,
                bytes: bytes,
                headers: Dictionary(response.headers.map { ($0.name.lowercased(), $0.value) }) { first, _ in first }
            )
        } catch {
            try await client.shutdown()
            throw error
        }
    }

    static func get(_ url: String) async throws -> (status: UInt, body: String) {
        let response = try await HTTPClient.shared.execute(HTTPClientRequest(url: url), timeout: .seconds(2))
        return (response.status.code, String(buffer: try await response.body.collect(upTo: 1 << 20)))
    }
}
