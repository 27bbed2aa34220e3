import AsyncHTTPClient
import CrypTenService
import Foundation
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import Testing

@Suite("Servers without TLS, and pages whose names were made to lead to them")
struct HostTests {
    private static func ask(_ url: String, host: String?) async throws -> (status: UInt, body: String) {
        var request = HTTPClientRequest(url: url)
        if let host { request.headers.add(name: "Host", value: host) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(5))
        return (response.status.code, String(buffer: try await response.body.collect(upTo: 1 << 20)))
    }

    @Test("a member's status is told to its own machine's names alone")
    func status() async throws {
        let cell = try TestCell()
        let dealer = cell.settings.parties
        try cell.start(["dealer"])
        let end = ContinuousClock.now + .seconds(20)
        while (try? await Self.ask(cell.status(dealer) + "/live", host: nil).status) != 200, ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(20))
        }
        for path in ["/live", "/metrics"] {
            for host in [nil, "localhost:1", "127.0.0.1", "[::1]:9464"] {
                #expect(try await Self.ask(cell.status(dealer) + path, host: host).status == 200, "\(host ?? "")")
            }
            for host in ["evil.example", "evil.example:9464", "127.evil.example", "localhost.evil.example"] {
                let told = try await Self.ask(cell.status(dealer) + path, host: host)
                #expect(told.status == 421 && told.body.hasPrefix("this server isn't known by the name"), "\(host)")
            }
        }
        try await cell.stop()
    }

    @Test("so is the demonstration's page, with the tokens that it hands out")
    func page() async throws {
        let server = PageServer(
            files: ["/": PageServer.Content(type: "text/plain", data: Data("page".utf8))],
            connections: []
        ) { path, _ in path == "/token" ? PageServer.Content(type: "text/plain", data: Data("token".utf8)) : nil }
        let port = NIOLockedValueBox(0)
        let task = Task {
            try await server.run(port: 0, logger: Logger(label: "page") { _ in SwiftLogNoOpLogHandler() }) { told in
                port.withLockedValue { $0 = told }
            }
        }
        let end = ContinuousClock.now + .seconds(20)
        while port.withLockedValue({ $0 }) == 0, ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(5))
        }
        let url = "http://127.0.0.1:\(port.withLockedValue { $0 })"
        #expect(try await Self.ask(url + "/", host: nil).body == "page")
        #expect(try await Self.ask(url + "/token", host: "localhost").body == "token")
        for path in ["/", "/token", "/none"] {
            #expect(try await Self.ask(url + path, host: "evil.example").status == 421)
        }
        task.cancel()
        _ = await task.result
    }
}
