import CrypTenService
import Foundation
import Testing

@Suite("By which names a server without TLS is asked")
struct KnownHostsTests {
    private static let hosts = KnownHosts(["Metrics.internal", "10.1.2.3", "[fd00::7]"])

    @Test(
        "the loopback's, its own number, and what is configured, with whatever port",
        arguments: [
            "localhost", "LocalHost:9464", "127.0.0.1", "127.0.0.1:1", "127.9.8.7:80", "[::1]", "[::1]:9464",
            "metrics.internal",
            "METRICS.internal.:443", "10.1.2.3:9464", "[fd00::7]:9464", "192.0.2.9:9464",
        ]
    )
    func known(_ authority: String) {
        #expect(Self.hosts.contains(authority, at: "192.0.2.9"))
    }

    @Test(
        "and no others, those that begin or end like them among them",
        arguments: [
            "evil.example", "evil.example:9464", "127.evil.example", "127.0.0.1.evil.example", "localhost.evil.example",
            "metrics.internal.evil.example", "192.0.2.10", "127.0.0.256", "127.0.0", "", ":80", "[::1", "[::2]",
            "localhost:80:80",
            "localhost:x", "user@localhost", "localhost@evil.example", "10.1.2.4",
        ]
    )
    func unknown(_ authority: String) {
        #expect(!Self.hosts.contains(authority, at: "192.0.2.9"))
    }

    @Test("who says no name is told nothing")
    func nameless() {
        #expect(!Self.hosts.contains(nil, at: "127.0.0.1"))
        #expect(!KnownHosts().contains("192.0.2.9", at: nil))
    }

    @Test("a cluster file names hosts without wildcards, and the environment has the last word")
    func configured() throws {
        let print = String(repeating: "a", count: 63)
        func read(_ hosts: String) -> (file: ClusterFile?, faults: [ClusterFault]) {
            ClusterFile.read(
                Data(
                    """
                    cell: c
                    members:
                      p0: {party: 0, address: "127.0.0.1:1", identity: [\(print)1]}
                      p1: {party: 1, address: "127.0.0.1:2", identity: [\(print)2]}
                    dealers: {d: {address: "127.0.0.1:3", identity: [\(print)3]}}
                    models: {m: {owner: p1, inputs: {x: {shapes: [[rows, 2]], range: [0, 1]}}}}
                    local: {p0: {status: "0.0.0.0:9464", status_hosts: \(hosts)}}
                    """.utf8
                )
            )
        }
        let file = try #require(read("[metrics.internal, 10.1.2.3]").file)
        #expect(
            try MemberSettings(file, as: "p0", environment: [:]).local.statusHosts == ["metrics.internal", "10.1.2.3"]
        )
        let changed = try MemberSettings(file, as: "p0", environment: ["CRYPTEN_STATUS_HOSTS": "a.example,b.example"])
        #expect(changed.local.statusHosts == ["a.example", "b.example"])
        #expect(read("[\"*.internal\"]").faults.contains { $0.message.contains("no wildcard") })
    }
}
