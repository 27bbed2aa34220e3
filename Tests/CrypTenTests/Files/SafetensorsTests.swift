import CrypTen
import Foundation
import Testing

@Suite("Safetensors files")
struct SafetensorsTests {
    /// A file's bytes, put together by hand.
    private func bytes(_ header: String, _ data: [UInt8] = []) -> Data {
        let text = Data(header.utf8)
        return Data((0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) }) + text + Data(data)
    }

    private func message(_ bytes: Data) -> String? {
        do {
            _ = try SafetensorsFile(bytes: bytes, name: "w.safetensors").tensors()
            return nil
        } catch {
            return (error as? CrypTenError)?.message
        }
    }

    @Test("what is written is read again, in order, with its texts, in its own type")
    func roundTrip() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).safetensors")
        defer { try? FileManager.default.removeItem(at: url) }
        let tensors: [(name: String, tensor: Tensor)] = [
            ("fc.weight", Tensor(.float([1.5, -2, 0, 3]), shape: [2, 2])),
            ("fc.bias", Tensor([0.1, 1e300], shape: [2])),
            ("count", Tensor([Int64.min, 7], shape: [2])), ("small", Tensor(.int32([-3]), shape: [])),
            ("mask", Tensor(.bool([true, false, true]), shape: [3])), ("empty", Tensor(.float([]), shape: [0, 5])),
            ("a \"quoted\"\\\n\u{1}é😀 name", Tensor(2.5)),
        ]
        try SafetensorsFile.write(tensors, metadata: ["format": "pt", "note \"1\"": "line\nline"], to: url)
        let file = try SafetensorsFile(contentsOf: url)
        #expect(file.names == tensors.map(\.name))
        #expect(file.metadata == ["format": "pt", "note \"1\"": "line\nline"])
        for (name, tensor) in tensors {
            #expect(try file.tensor(name) == tensor)
            #expect(file.shape(of: name) == tensor.shape)
        }
        let length = try Data(contentsOf: url).prefix(2).reversed().reduce(0) { $0 << 8 | Int($1) }
        #expect(length % 8 == 0, "the numbers start where words of 64 bits may lie")
        let missing = #expect(throws: CrypTenError.self) { try file.tensor("fc") }
        #expect(missing?.code == .invalidArgument)
        let double = #expect(throws: CrypTenError.self) {
            try SafetensorsFile.bytes(of: [("a", Tensor(1.0)), ("a", Tensor(2.0))])
        }
        #expect(double?.code == .invalidArgument)
    }

    @Test("the bytes of a file are those of the format")
    func layout() throws {
        let written = try SafetensorsFile.bytes(
            of: [("a", Tensor(.float([1, -2]), shape: [1, 2])), ("b", Tensor(.bool([true]), shape: []))],
            metadata: ["format": "pt"]
        )
        let header =
            #"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"#
            + #""b":{"dtype":"BOOL","shape":[],"data_offsets":[8,9]}}"#
        let spaces = String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
        #expect(written == bytes(header + spaces, [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 1]))
    }

    @Test(
        "every type is read",
        arguments: [
            ("F64", [0, 0, 0, 0, 0, 0, 0xf8, 0x3f], Tensor.Elements.double([1.5])),
            ("F32", [0, 0, 0xc0, 0x3f], .float([1.5])),
            ("F16", [0, 0x3e], .float([1.5])), ("BF16", [0xc0, 0xbf], .float([-1.5])),
            ("I64", [2, 0, 0, 0, 0, 0, 0, 0x80], .int64([.min + 2])), ("I32", [0xfe, 0xff, 0xff, 0xff], .int32([-2])),
            ("I16", [0xfe, 0xff], .int32([-2])), ("I8", [0xfe], .int32([-2])), ("U8", [0xfe], .int32([254])),
            ("U16", [0xfe, 0xff], .int32([65534])), ("U32", [0, 0, 0, 0x80], .int64([0x8000_0000])),
            ("U64", [1, 0, 0, 0, 0, 0, 0, 0x7f], .int64([0x7f00_0000_0000_0001])), ("BOOL", [1], .bool([true])),
        ] as [(String, [UInt8], Tensor.Elements)]
    )
    func types(type: String, data: [UInt8], expected: Tensor.Elements) throws {
        // Written by hand as Python's library does: spaces at the end, and numbers in another order than names.
        let header = #"{"x":{"dtype":"\#(type)","shape":[1],"data_offsets":[0,\#(data.count)]}}   "#
        #expect(try SafetensorsFile(bytes: bytes(header, data)).tensor("x").elements == expected)
    }

    @Test("words of 64 bits are read as they are")
    func words() throws {
        let data = [UInt8](repeating: 0xff, count: 8) + [1, 0, 0, 0, 0, 0, 0, 0x80]
        let file = try SafetensorsFile(
            bytes: bytes(#"{ "x" : {"shape": [2], "data_offsets": [0, 16], "dtype": "U64"} }"#, data)
        )
        #expect(try file.words("x").elements == [.max, 0x8000_0000_0000_0001])
        #expect(
            message(bytes(#"{"x":{"dtype":"U64","shape":[2],"data_offsets":[0,16]}}"#, data))?.contains("above 2^63")
                == true
        )
        let other = try SafetensorsFile(bytes: bytes(#"{"x":{"dtype":"I64","shape":[2],"data_offsets":[0,16]}}"#, data))
        #expect(throws: CrypTenError.self) { try other.words("x") }
    }

    @Test("tensors come in the order of their numbers, whatever the header's is")
    func order() throws {
        let header =
            #"{"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]},"\u0061\u00e9\ud83d\ude00":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"#
            + #""none":{"dtype":"F32","shape":[0],"data_offsets":[2,2]}}"#
        let file = try SafetensorsFile(bytes: bytes(header, [1, 2, 3]))
        #expect(file.names == ["aé😀", "none", "b"])
        #expect(try file.tensor("b").elements == .int32([3]))
    }

    @Test(
        "a broken file is an error that names the file and what is wrong",
        arguments: [
            (#"{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 7, "truncated"),
            (#"{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 9, "1 bytes follow"),
            (#"{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,7]}}"#, 7, "can't take 7 bytes"),
            (#"{"x":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, 8, "lies at bytes 8 to 0"),
            (#"{"x":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}}"#, 9, "hole"),
            (
                #"{"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"y":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#,
                3, "overlaps"
            ),
            (
                #"{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"y":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#,
                1, "overlaps"
            ),
            (
                #"{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"x":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#,
                2, "two tensors 'x'"
            ),
            (#"{"x":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}"#, 1, "F8_E4M3"),
            (#"{"x":{"dtype":"U8","shape":[9999999999999,9999999999999],"data_offsets":[0,1]}}"#, 1, "aren't a shape"),
            (#"{"x":{"dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,1]}}"#, 1, "too large"),
            (#"{"x":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}"#, 1, "a number of 0 or more"),
            (#"{"x":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}"#, 1, "is due"),
            (#"{"x":{"dtype":"U8","shape":[1],"data_offsets":[0]}}"#, 1, "two offsets"),
            (#"{"x":{"dtype":"U8","shape":[1]}}"#, 1, "two offsets"),
            (#"{"x":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, 1, "twice"),
            (#"{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"code":"os"}}"#, 1, "isn't known"),
            (#"{"__metadata__":{"a":1}}"#, 0, "is due"), (#"{"__metadata__":{"a":"1","a":"2"}}"#, 0, "two texts"),
            (#"{"__metadata__":{},"__metadata__":{}}"#, 0, "metadata twice"),
            (#"{"a\ud83d":{}}"#, 0, "half of a character"), (#"{"a\x":{}}"#, 0, "backslash"),
            ("{\"a\u{1}\":{}}", 0, "control"),
            ("[]", 0, "'{' is due"), ("", 0, "'{' is due"), ("{", 0, "is due"), ("{}x", 0, "after its end"),
            ("{\"a", 0, "ends in a text"),
            ("{\"a\\u12", 0, "ends in a text"), ("{}", 3, "3 bytes follow"),
            (String(repeating: "[", count: 100_000), 0, "is due"),
        ] as [(String, Int, String)]
    )
    func broken(header: String, count: Int, expected: String) {
        let text = message(bytes(header, [UInt8](repeating: 0, count: count)))
        #expect(text?.hasPrefix("w.safetensors: ") == true)
        #expect(text?.contains(expected) == true, "\(text ?? "no error")")
    }

    @Test("headers that claim to be long, texts that aren't UTF-8, folders and missing files are errors")
    func wrongFiles() throws {
        #expect(message(Data([1, 0, 0]))?.contains("too short") == true)
        #expect(message(Data([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7b]))?.contains("claims") == true)
        #expect(message(Data([9, 0, 0, 0, 0, 0, 0, 0, 0x7b]))?.contains("truncated in its header") == true)
        #expect(
            message(Data([5, 0, 0, 0, 0, 0, 0, 0]) + Data("{\"".utf8) + Data([0xff, 0x22, 0x7d]))?.contains("UTF-8")
                == true
        )
        for url in [URL(fileURLWithPath: "/nowhere/x.safetensors"), FileManager.default.temporaryDirectory] {
            let error = #expect(throws: CrypTenError.self) { try SafetensorsFile(contentsOf: url) }
            #expect(error?.code == .fileNotReadable)
        }
    }

    @Test("no truncation and no flipped bit of a file crashes the reader")
    func hostile() throws {
        let whole = try SafetensorsFile.bytes(
            of: [("a.b", Tensor(.float([1, 2, 3]), shape: [3])), ("c", Tensor([1.0], shape: [1]))],
            metadata: ["format": "pt"]
        )
        for length in 0..<whole.count { #expect(message(whole.prefix(length)) != nil, "\(length) bytes") }
        for position in whole.indices {
            for bit in 0..<8 {
                var changed = whole
                changed[position] ^= 1 << bit
                if let text = message(changed) { #expect(text.hasPrefix("w.safetensors: ")) }
            }
        }
    }
}
