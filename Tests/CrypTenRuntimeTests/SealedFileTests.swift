import CrypTenBase
import CrypTenRuntime
import Foundation
import Testing

@Suite("Files that are there whole, and sealed ones")
struct SealedFileTests {
    /// A folder of its own.
    struct Place: ~Copyable {
        let folder: URL

        init() throws {
            folder = FileManager.default.temporaryDirectory.appendingPathComponent("crypten-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        }

        deinit {
            try? FileManager.default.removeItem(at: folder)
        }
    }

    private static func write(_ bytes: Data, in folder: URL, _ key: CheckpointKey?) throws -> URL {
        var writer = try CheckpointWriter(try DurableFile(in: folder, aside: ".aside"), sealedWith: key)
        // In uneven pieces, so that some end where a sealed one does.
        var rest = bytes
        for size in [0, 1, 1 << 20, 5] {
            try rest.prefix(size).withUnsafeBytes { try writer.write($0) }
            rest = rest.dropFirst(size)
        }
        try rest.withUnsafeBytes { try writer.write($0) }
        return folder.appendingPathComponent(try writer.finish { "\($0).bin" })
    }

    private static func bytes(_ count: Int) -> Data {
        Data((0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) })
    }

    private static func key(_ byte: UInt8) throws -> CheckpointKey {
        try CheckpointKey([UInt8](repeating: byte, count: 32))
    }

    @Test("a finished file is there under its digest, for its owner alone; an unfinished one leaves nothing")
    func durable() throws {
        let place = try Place()
        let folder = place.folder
        let url = try Self.write(Self.bytes(3000), in: folder, nil)
        #expect(try Data(contentsOf: url) == Self.bytes(3000))
        #expect(url.deletingPathExtension().lastPathComponent == DurableFile.digest(of: Self.bytes(3000)))
        #expect(try FileManager.default.attributesOfItem(atPath: url.path)[.posixPermissions] as? Int == 0o600)
        do {
            let file = try DurableFile(in: folder, aside: ".aside")
            try Self.bytes(10).withUnsafeBytes { try file.write($0) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 2)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [url.lastPathComponent])
        // What a killed process has left is written over.
        try Data("torn".utf8).write(to: folder.appendingPathComponent(".aside"))
        #expect(try Self.write(Self.bytes(3000), in: folder, nil) == url)
        let missing = folder.appendingPathComponent("no")
        #expect(throws: CrypTenError.self) { try DurableFile(in: missing, aside: ".aside") }
    }

    @Test(
        "what is sealed is opened again, whatever its size",
        arguments: [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 2 << 20, (2 << 20) + 77]
    )
    func sealed(count: Int) throws {
        let place = try Place()
        let key = try Self.key(1)
        let sealed = try Data(contentsOf: Self.write(Self.bytes(count), in: place.folder, key))
        #expect(SealedFile.isSealed(sealed))
        #expect(sealed.count == count + 48 + 16 * max(1, (count + (1 << 20) - 1) >> 20))
        #expect(try SealedFile.open(sealed, with: key, name: "x") == Self.bytes(count))
        // Another salt each time.
        #expect(try Data(contentsOf: Self.write(Self.bytes(count), in: place.folder, key)) != sealed)
    }

    @Test("no bit of a sealed file can be changed, and no piece left out, moved or cut off")
    func changed() throws {
        let place = try Place()
        let key = try Self.key(1)
        let count = (2 << 20) + 100
        let sealed = try Data(contentsOf: Self.write(Self.bytes(count), in: place.folder, key))
        let piece = (1 << 20) + 16
        var changed: [Data] = []
        for position in [0, 20, 50, 48 + piece - 1, 48 + piece + 3, sealed.count - 1] {
            var copy = sealed
            copy[position] ^= 1
            changed.append(copy)
        }
        let head = sealed.prefix(48)
        let pieces = [
            sealed.dropFirst(48).prefix(piece), sealed.dropFirst(48 + piece).prefix(piece),
            sealed.dropFirst(48 + 2 * piece),
        ]
        changed += [
            head + pieces[0], head + pieces[0] + pieces[1], head + pieces[1] + pieces[0] + pieces[2], head + pieces[2],
            head + pieces[0] + pieces[2], sealed + Data([0]), sealed.prefix(sealed.count - 1), head, Data(),
        ]
        for bytes in changed {
            #expect(throws: CrypTenError.self) { try SealedFile.open(Data(bytes), with: key, name: "x") }
        }
        let other = #expect(throws: CrypTenError.self) { try SealedFile.open(sealed, with: try Self.key(2), name: "x") }
        #expect(other?.code == .invalidArgument)
        #expect(other?.message.hasPrefix("x: this key doesn't open it") == true)
    }

    @Test("a sealing key is read from a file that its owner alone can read, and never printed")
    func keys() throws {
        let place = try Place()
        let url = place.folder.appendingPathComponent("key")
        #expect(throws: CrypTenError.self) { try CheckpointKey(contentsOf: url) }
        try Data("a secret of some length".utf8).write(to: url)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: url.path)
        let open = #expect(throws: CrypTenError.self) { try CheckpointKey(contentsOf: url) }
        #expect(open?.code == .invalidArgument && open?.message.contains("chmod 600") == true)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: url.path)
        let key = try CheckpointKey(contentsOf: url)
        var text = ""
        dump(key, to: &text)
        #expect(!"\(key) \(text)".contains("secret of"))
        try Data("short".utf8).write(to: url)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: url.path)
        let short = #expect(throws: CrypTenError.self) { try CheckpointKey(contentsOf: url) }
        #expect(short?.message.hasPrefix(url.path) == true && short?.message.contains("16 bytes") == true)
    }
}
