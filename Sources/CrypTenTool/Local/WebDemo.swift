import AsyncHTTPClient
import CrypTen
import CrypTenService
import Foundation
import Logging
import NIOCore
import NIOHTTP1

/// The demonstration in a browser: a cell of processes on this machine, and a page whose script is a client of it.
///
/// Page and doors are on loopback, where no certificate is needed for a browser to go there; between the parties there is TLS as ever.
struct WebDemo {
    let digits: Digits
    let page: URL
    let port: Int
    /// Who makes the correlations.
    var correlations = CorrelationSetting.dealer

    private static let parties = ["clinic", "bank"]
    private static let dealer = "notary"
    private static let client = "page"
    private static let cell = "demo"
    private static let model = "digits"

    /// Runs until a signal ends it.
    func run() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("crypten-demo-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: folder,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        defer { try? FileManager.default.removeItem(at: folder) }
        let places = try Places(count: 2 * WebDemo.parties.count + 2 + WebDemo.parties.count)
        let key = ClientTokens.Key()
        try write(places, key, in: folder)
        let children = try members.map { name in
            try ChildProcess(
                name,
                arguments: ["serve", "--cluster", folder.appendingPathComponent("cell.yaml").path, "--as", name],
                environment: ["CRYPTEN_LOG_LEVEL": "warning"]
            ) { _ in }
        }
        defer { for child in children { child.end() } }
        try await serve(places, key)
    }

    /// The processes of the cell.
    private var members: [String] {
        WebDemo.parties + (correlations.hasDealer ? [WebDemo.dealer] : [])
    }

    /// Ports of this demonstration, on loopback.
    private struct Places {
        let ports: [Int]

        init(count: Int) throws {
            ports = try FreePorts.find(count)
        }

        func address(_ index: Int) -> String { "127.0.0.1:\(ports[index])" }
        func door(_ index: Int) -> String { address(WebDemo.parties.count + index) }
        func status(_ index: Int) -> String { address(2 * WebDemo.parties.count + 1 + index) }
        var dealer: String { address(2 * WebDemo.parties.count) }
    }

    private func write(_ places: Places, _ key: ClientTokens.Key, in folder: URL) throws {
        var identities: [String: MemberIdentity] = [:]
        for name in members {
            let identity = try MemberIdentity.create(name: name, days: 60)
            _ = try identity.write(to: folder)
            identities[name] = identity
        }
        func fingerprint(_ name: String) -> String { identities[name].map { "\($0.certificate.fingerprint)" } ?? "" }
        var lines = ["cell: \(WebDemo.cell)", "members:"]
        for (index, name) in WebDemo.parties.enumerated() {
            lines += [
                "  \(name):", "    party: \(index)", "    address: \(places.address(index))",
                "    door: http://\(places.door(index))",
                "    identity: [\(fingerprint(name))]",
            ]
        }
        lines +=
            !correlations.hasDealer
            ? ["dealers: none", "transfer_tree_height: \(correlations.transferTreeHeight)"]
            : [
                "dealers:",
                "  \(WebDemo.dealer): {address: \"\(places.dealer)\", identity: [\(fingerprint(WebDemo.dealer))]}",
            ]
        lines += [
            "models:", "  \(WebDemo.model):", "    owner: \(WebDemo.parties[1])",
            "    inputs: {x: {shapes: [[rows, 1, 8, 8]], range: [0, 1]}}", "    batch: {window: 0ms, sizes: [1]}",
            "    prepared: {1: 16}",
            "clients:", "  \(WebDemo.client):", "    keys:", "      - |",
        ]
        lines += key.publicPEM.split(separator: "\n").map { "        \($0)" }
        lines += [
            "    models: {\(WebDemo.model): {}}",
            "origins: [\"http://127.0.0.1:\(port)\", \"http://localhost:\(port)\"]", "local:",
        ]
        for (index, name) in (WebDemo.parties + [WebDemo.dealer]).enumerated() {
            let model = index == 1 ? ", models: {\(WebDemo.model): \"\(digits.model.path)\"}" : ""
            lines.append(
                "  \(name): {identity: [\"\(folder.appendingPathComponent("\(name).identity.pem").path)\"], status: \"\(places.status(index))\"\(model)}"
            )
        }
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: folder.appendingPathComponent("cell.yaml"))
    }

    private func serve(_ places: Places, _ key: ClientTokens.Key) async throws {
        let facts = try await untilReady(places)
        let doors = WebDemo.parties.indices.map { "http://\(places.door($0))" }
        let cell: [String: Any] = [
            "cell": WebDemo.cell, "model": WebDemo.model, "token_url": "/token?party=NAME", "facts": facts,
            "parties": zip(WebDemo.parties, doors).map { ["name": $0, "url": $1] },
        ]
        let description = try JSONSerialization.data(
            withJSONObject: cell,
            options: [.sortedKeys, .withoutEscapingSlashes]
        )
        var files: [String: PageServer.Content] = [
            "/cell.json": PageServer.Content(type: "application/json", data: description)
        ]
        let types = [
            "html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8",
            "js": "text/javascript; charset=utf-8",
        ]
        for file in try FileManager.default.contentsOfDirectory(at: page, includingPropertiesForKeys: nil) {
            guard let type = types[file.pathExtension] else { continue }
            files["/\(file.lastPathComponent)"] = PageServer.Content(type: type, data: try Data(contentsOf: file))
        }
        files["/"] = files["/index.html"]
        let server = PageServer(files: files, connections: doors) { path, query in
            guard path == "/token", let party = query["party"], WebDemo.parties.contains(party) else { return nil }
            let token = try await key.token(client: WebDemo.client, cell: WebDemo.cell, party: party)
            return PageServer.Content(type: "text/plain", data: Data(token.utf8))
        }
        var logger = Logger(label: "page") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .error
        let (task, quiet) = (server, logger)
        let serving = Task { [port] in
            try await task.run(port: port, logger: quiet) { port in
                ProgressLine.clear()
                Output.result("http://127.0.0.1:\(port)")
                Output.note("draw a digit there; Ctrl-C ends the demonstration")
            }
        }
        try await Interruption.ending("all processes of the demonstration were ended", with: { serving.cancel() }) {
            try await serving.value
        }
    }

    /// Waits until the parties serve.
    ///
    /// - Returns: What one question costs, as the parties have planned it.
    private func untilReady(_ places: Places) async throws -> [String: Int] {
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            if Interruption.received != nil { throw CrypTenError(.cancelled, "the demonstration was interrupted") }
            var ready = 0
            for index in WebDemo.parties.indices {
                ready += (try? await get("http://\(places.status(index))/ready").status == 200) == true ? 1 : 0
            }
            if ready == WebDemo.parties.count {
                return try await facts(places)
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw CrypTenError(.timedOut, "the parties of the demonstration weren't ready within a minute")
    }

    /// What one question costs: rounds, and what all parties send together.
    private func facts(_ places: Places) async throws -> [String: Int] {
        var facts = ["online_bytes": 0]
        for index in WebDemo.parties.indices {
            let metrics = try await get("http://\(places.status(index))/metrics").body.split(separator: "\n")
            func value(_ name: String) -> Int {
                let line = metrics.first { $0.hasPrefix(name + "{") }
                return line?.split(separator: " ").last.flatMap { Double($0) }.map { Int($0) } ?? 0
            }
            facts["rounds"] = value("crypten_form_rounds")
            facts["online_bytes", default: 0] += value("crypten_form_online_bytes")
        }
        return facts
    }

    private func get(_ url: String) async throws -> (status: UInt, body: String) {
        let response = try await HTTPClient.shared.execute(HTTPClientRequest(url: url), timeout: .seconds(2))
        let body = try await response.body.collect(upTo: 1 << 20)
        return (response.status.code, String(buffer: body))
    }
}
