import Foundation
import FuzzedSeeds

/// Called by libFuzzer before anything else.
@_cdecl("LLVMFuzzerInitialize")
public func initializeClusters(_ count: UnsafeMutableRawPointer?, _ arguments: UnsafeMutableRawPointer?) -> CInt {
    Seeds.write {
        func fingerprint(_ digit: Character) -> String { String(repeating: digit, count: 64) }
        let whole = """
            cell: lending
            fraction_bits: 16
            members:
              clinic: {party: 0, address: "clinic.example:9400", door: "https://clinic.example:8443", identity: [\(fingerprint("a"))]}
              bank:
                party: 1
                address: "[::1]:9400"
                door: http://127.0.0.1:8080
                certificate_name: bank
                authorities: [ca.pem]
            dealers:
              notary: {address: "notary.example:9400", identity: [\(fingerprint("d"))]}
            models:
              digits:
                owner: bank
                inputs: {image: {shapes: [[rows, 1, 28, 28]], range: [0, 1], pad: 0}}
                batch: {window: 5ms, sizes: [1, 8, 32]}
                prepared: {1: 8}
                open: [a]
                secret: [b]
            clients:
              app: {certificates: [\(fingerprint("e"))], models: {digits: {outputs: [y], rows_per_day: 10}}}
            origins: [https://app.example]
            revoked: [\(fingerprint("f"))]
            limits: {requests: 64, request_bytes: 16MiB, waiting: 5s, memory: 1GiB}
            local:
              clinic: {identity: [c.pem], listen: "0.0.0.0:9400", door: "0.0.0.0:1", status: "127.0.0.1:2", state: s, threads: 2}
            """
        return [
            "whole": Data(whole.utf8),
            "short": Data("cell: a\nmembers: {}\ndealers: []\n".utf8),
            "named": Data("cell: &a [x]\nmembers: *a\n".utf8),
            "twice": Data("cell: a\ncell: b\n".utf8),
        ]
    }
    return 0
}
