import CrypTen
import Foundation
import Testing

@Suite("NumPy's archives")
struct NpzTests {
    /// What `numpy.savez(f, **{"fc.weight": arange(6, dtype="<f4").reshape(2, 3) / 2, "count": array(7, dtype="<i8")})` of NumPy 2.4.6 writes.
    static let written = """
        UEsDBC0AAAAAAAAAIQALwLB2//////////8NABQAZmMud2VpZ2h0Lm5weQEAEACYAAAAAAAAAJgAAAAAAAAAk05VTVBZAQB2AHsn
        ZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAg
        ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAPwAAgD8AAMA/AAAAQAAAIEBQSwMELQAAAAAA
        AAAhACO48Gz//////////wkAFABjb3VudC5ucHkBABAAiAAAAAAAAACIAAAAAAAAAJNOVU1QWQEAdgB7J2Rlc2NyJzogJzxpOCcs
        ICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg
        ICAgICAgICAgICAgICAgICAgICAgICAgICAKBwAAAAAAAABQSwECLQMtAAAAAAAAACEAC8CwdpgAAACYAAAADQAAAAAAAAAAAAAA
        gAEAAAAAZmMud2VpZ2h0Lm5weVBLAQItAy0AAAAAAAAAIQAjuPBsiAAAAIgAAAAJAAAAAAAAAAAAAACAAdcAAABjb3VudC5ucHlQ
        SwUGAAAAAAIAAgByAAAAmgEAAAAA
        """

    /// What `numpy.savez_compressed(f, a=zeros(2, dtype="<f4"))` writes.
    private static let compressed = """
        UEsDBC0AAAAIAAAAIQCFsLas//////////8FABQAYS5ucHkBABAAiAAAAAAAAABHAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6l
        oG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GkY6mjoKtQoUAC4GKAAAUEsBAi0DLQAAAAgAAAAhAIWwtqxHAAAA
        iAAAAAUAAAAAAAAAAAAAAIABAAAAAGEubnB5UEsFBgAAAAABAAEAMwAAAH4AAAAAAA==
        """

    private static func data(_ text: String) throws -> Data {
        try #require(Data(base64Encoded: text, options: .ignoreUnknownCharacters))
    }

    private func message(_ bytes: Data) -> String? {
        do {
            _ = try NpzFile(bytes: bytes, name: "w.npz").tensors()
            return nil
        } catch {
            return (error as? CrypTenError)?.message
        }
    }

    @Test("what NumPy has written is read, with the names and types that it has there")
    func numpy() throws {
        let file = try NpzFile(bytes: Self.data(Self.written))
        #expect(file.names == ["fc.weight", "count"])
        #expect(try file.tensor("fc.weight") == Tensor(.float([0, 0.5, 1, 1.5, 2, 2.5]), shape: [2, 3]))
        #expect(try file.tensor("count") == Tensor(.int64([7]), shape: []))
        let missing = #expect(throws: CrypTenError.self) { try file.tensor("fc") }
        #expect(missing?.code == .invalidArgument)
    }

    @Test("what is written is read again")
    func roundTrip() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).npz")
        defer { try? FileManager.default.removeItem(at: url) }
        let tensors: [(name: String, tensor: Tensor)] = [
            ("layer1.0.weight", Tensor(.float([1.5, -2]), shape: [2, 1])), ("é", Tensor([0.25], shape: [])),
            ("count", Tensor([-7] as [Int64], shape: [1])), ("mask", Tensor(.bool([true, false]), shape: [2])),
            ("empty", Tensor(.float([]), shape: [0])),
        ]
        try NpzFile.write(tensors, to: url)
        let file = try NpzFile(contentsOf: url)
        #expect(file.names == tensors.map(\.name))
        for (name, tensor) in tensors { #expect(try file.tensor(name) == tensor) }
        try NpzFile.write([], to: url)
        #expect(try NpzFile(contentsOf: url).names.isEmpty)
        let double = #expect(throws: CrypTenError.self) {
            try NpzFile.bytes(of: [("a", Tensor(1.0)), ("a", Tensor(2.0))])
        }
        #expect(double?.code == .invalidArgument)
    }

    @Test("an archive of one file has the bytes of the format, its checksum among them")
    func layout() throws {
        let array = Tensor(.bool([true]), shape: [])
        let written = try NpzFile.bytes(of: [("a", array)])
        let contents = Self.npy(array)
        var expected = Data([0x50, 0x4b, 3, 4, 20, 0, 0, 8, 0, 0, 0, 0, 0x21, 0])
        #expect(written.prefix(14) == expected)
        expected =
            Data([UInt8(contents.count), 0, 0, 0, UInt8(contents.count), 0, 0, 0, 5, 0, 0, 0]) + Data("a.npy".utf8)
        #expect(written[18..<35] == expected && written[35..<35 + contents.count] == contents)
        #expect(written.suffix(22).prefix(12) == Data([0x50, 0x4b, 5, 6, 0, 0, 0, 0, 1, 0, 1, 0]))
        // "123456789" has the checksum by which CRC-32 is known.
        #expect(NpzTests.checksum(of: Data("123456789".utf8)) == 0xcbf4_3926)
        #expect(written[14..<18] == withUnsafeBytes(of: NpzTests.checksum(of: contents).littleEndian) { Data($0) })
    }

    private static func npy(_ tensor: Tensor) -> Data {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).npy")
        defer { try? FileManager.default.removeItem(at: url) }
        return (try? tensor.write(toNumpyFile: url)).flatMap { try? Data(contentsOf: url) } ?? Data()
    }

    /// CRC-32, bit by bit.
    private static func checksum(of bytes: Data) -> UInt32 {
        ~bytes.reduce(~0 as UInt32) { value, byte in
            (0..<8).reduce(value ^ UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xedb8_8320 : value >> 1 }
        }
    }

    @Test("compressed, damaged, overlapping and foreign archives are errors that name the file")
    func broken() throws {
        #expect(message(try Self.data(Self.compressed))?.contains("savez_compressed") == true)
        let whole = try Self.data(Self.written)
        var changed = whole
        changed[160] ^= 1
        #expect(message(changed)?.contains("damaged") == true)
        #expect(message(Data(repeating: 0, count: 100))?.contains("isn't a zip archive") == true)
        #expect(message(Data())?.contains("too short") == true)
        // The second file's place is the first's.
        var overlapping = whole
        let directory = 0x19a
        let second = directory + 46 + 13
        overlapping.replaceSubrange(second + 42..<second + 46, with: [0, 0, 0, 0])
        #expect(message(overlapping)?.contains("overlap") == true)
        var encrypted = whole
        encrypted[directory + 8] |= 1
        #expect(message(encrypted)?.contains("encrypted") == true)
        var foreign = whole
        foreign[directory + 46 + 12] = UInt8(ascii: "z")
        #expect(message(foreign)?.contains("isn't a .npy file") == true)
        var named = whole
        named[directory + 46] = 0xff
        #expect(message(named)?.contains("UTF-8") == true)
        let error = #expect(throws: CrypTenError.self) {
            try NpzFile(contentsOf: URL(fileURLWithPath: "/nowhere/x.npz"))
        }
        #expect(error?.code == .fileNotReadable)
    }

    @Test("a comment at the end, and a directory in the form for large archives, are read")
    func forms() throws {
        let whole = try Self.data(Self.written)
        var commented = whole
        commented[commented.count - 2] = 5
        #expect(try NpzFile(bytes: commented + Data("hello".utf8)).names.count == 2)
        // The record of 64-bit numbers and its locator, before the end record, which says that it can't.
        func words(_ values: [UInt64]) -> Data {
            values.reduce(Data()) { out, value in out + withUnsafeBytes(of: value.littleEndian) { Data($0) } }
        }
        let place = UInt64(whole.count - 22)
        let record =
            Data([0x50, 0x4b, 6, 6]) + words([44]) + Data([45, 3, 45, 0]) + Data(count: 8) + words([2, 2, 0x72, 0x19a])
        let locator = Data([0x50, 0x4b, 6, 7, 0, 0, 0, 0]) + words([place]) + Data([1, 0, 0, 0])
        let end = Data([0x50, 0x4b, 5, 6, 0, 0, 0, 0]) + Data(repeating: 0xff, count: 12) + Data([0, 0])
        let large = whole.dropLast(22) + record + locator + end
        #expect(try NpzFile(bytes: Data(large)).tensor("count") == Tensor(.int64([7]), shape: []))
    }

    @Test("no truncation and no flipped bit of an archive crashes the reader")
    func hostile() throws {
        let whole = try Self.data(Self.written)
        for length in 0..<whole.count { #expect(message(whole.prefix(length)) != nil, "\(length) bytes") }
        for position in whole.indices {
            for bit in 0..<8 {
                var changed = whole
                changed[position] ^= 1 << bit
                if let text = message(changed) { #expect(text.hasPrefix("w.npz")) }
            }
        }
    }

    @Test("weights are in files of either format, by their names")
    func weights() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let tensors: [(name: String, tensor: Tensor)] = [("b", Tensor([1, 2], shape: [2])), ("a", Tensor(3.0))]
        for name in ["w.safetensors", "w.npz", "w.NPZ"] {
            let url = folder.appendingPathComponent(name)
            try WeightsFile.write(tensors, to: url)
            let read = try WeightsFile.tensors(of: url)
            #expect(read.map(\.name) == ["b", "a"] && read.map(\.tensor) == tensors.map(\.tensor))
        }
        let other = folder.appendingPathComponent("w.pt")
        let error = #expect(throws: CrypTenError.self) { try WeightsFile.write(tensors, to: other) }
        #expect(error?.code == .invalidArgument && error?.message.contains(".safetensors or .npz") == true)
    }
}
