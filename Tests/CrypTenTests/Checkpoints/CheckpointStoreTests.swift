import CrypTen
import Foundation
import Testing

@Suite("Checkpoints")
struct CheckpointStoreTests {
    private static func key(_ byte: UInt8) throws -> CheckpointKey {
        try CheckpointKey([UInt8](repeating: byte, count: 32))
    }

    @Test("a new session has the values that were saved, to the last bit", arguments: [2, 3], [false, true])
    func saved(parties: Int, isSealed: Bool) async throws {
        let training = try CheckpointedTraining(parties: parties)
        let key = isSealed ? try Self.key(1) : nil
        let state = try await training.begin(steps: 3, key: key)
        let resumed = try await training.resume(key: key)
        for party in resumed {
            #expect(party.error == nil && party.lives)
            #expect(party.state == state)
            let header = try #require(party.header)
            #expect(header.stepCount == 3 && header.epoch == 0 && header.orderSeed == 0x5EED)
            #expect(header.summary == "Adam, cross entropy" && header.notes == ["data": "rows"])
            #expect(header.fractionBits == 16 && header.partyCount == parties && header.training.count == 32)
            #expect(header == resumed[0].header)
        }
        // Moments have more fraction bits than activations, and they are there.
        let second = try #require(state["optimizer/0.weight/second"]).doubles.map { $0 * 0x1p16 }
        #expect(second.contains { $0 != $0.rounded() })
        #expect(state["buffer/1.num_batches_tracked"]?.integers == [3])
        #expect(state.count == 6 + 3 + 12)
    }

    @Test("training goes on as if nothing had been, within the roundings", arguments: [2, 3])
    func goesOn(parties: Int) async throws {
        let whole = try await CheckpointedTraining(parties: parties).begin(steps: 6)
        let training = try CheckpointedTraining(parties: parties)
        try await training.begin(steps: 3)
        _ = try await training.resume(steps: 3)
        let resumed = try await training.resume()[0]
        #expect(resumed.header?.stepCount == 6)
        for (name, tensor) in whole where !name.hasPrefix("optimizer") {
            let other = try #require(resumed.state[name])
            let worst = zip(tensor.doubles, other.doubles).map { abs($0 - $1) }.max() ?? .infinity
            #expect(worst < 2e-3, "\(name): \(worst)")
        }
    }

    @Test("two are kept; each is a safetensors file of words, for its owner alone, without what it is made of")
    func files() async throws {
        let training = try CheckpointedTraining(parties: 2)
        let state = try await training.begin(steps: 4)
        for party in 0..<2 {
            let names = try training.files(party)
            #expect(names.count == 2)
            #expect(
                names[0].hasPrefix("party-\(party).training-") && names[0].contains(".step-00000003.")
                    && names[1].contains(".step-00000004.")
            )
            for index in 0..<2 {
                let url = try training.file(party, index)
                #expect(try FileManager.default.attributesOfItem(atPath: url.path)[.posixPermissions] as? Int == 0o600)
                let file = try SafetensorsFile(contentsOf: url)
                #expect(Set(file.names) == Set(state.keys))
                #expect(file.names.first == "parameter/0.weight" && file.names.contains("optimizer/3.bias/first"))
                #expect(file.metadata["format"] == "crypten checkpoint 1" && file.metadata["party"] == "\(party)")
                for name in file.names { #expect(file.shape(of: name) == state[name]?.shape) }
            }
        }
        // One party's words are no numbers of the network's: they add up to them with the other's.
        let files = try (0..<2).map { try SafetensorsFile(contentsOf: training.file($0, 1)) }
        let parts = try files.map { try $0.words("parameter/0.weight").elements }
        let weights = try #require(state["parameter/0.weight"]).doubles
        #expect(zip(parts[0], parts[1]).map { Double(Int64(bitPattern: $0 &+ $1)) * 0x1p-24 } == weights)
        #expect(parts.allSatisfy { $0.contains { Int64(bitPattern: $0).magnitude > 1 << 40 } })
    }

    @Test("a damaged file is passed over for the one before, and named; with both damaged nothing is loaded")
    func damaged() async throws {
        let training = try CheckpointedTraining(parties: 2)
        try await training.begin(steps: 3)
        let url = try training.file(1, 1)
        var bytes = try Data(contentsOf: url)
        bytes[bytes.count - 3] ^= 1
        try bytes.write(to: url)
        var resumed = try await training.resume()
        #expect(resumed.map(\.header?.stepCount) == [2, 2] && resumed[0].damaged.isEmpty)
        #expect(resumed[1].damaged.count == 1 && resumed[1].damaged[0].code == .malformedFile)
        #expect(
            resumed[1].damaged[0].message.contains("SHA-256") && resumed[1].damaged[0].message.contains("step-00000003")
        )
        // A torn file, as a disk leaves it that lost its last part.
        let older = try training.file(1, 0)
        try Data(contentsOf: older).dropLast(100).write(to: older)
        resumed = try await training.resume()
        for party in resumed {
            #expect(party.error?.code == .fileNotReadable && party.lives)
            #expect(party.error?.message.contains("party 1 has no whole checkpoint") == true)
            #expect(party.error?.message.contains("party 0 has that of step 2 and 3") == true)
        }
        #expect(resumed[1].damaged.count == 2)
    }

    @Test(
        "whatever a save has left when processes were killed, all parties have one that goes together",
        arguments: [2, 3]
    )
    func killed(parties: Int) async throws {
        let training = try CheckpointedTraining(parties: parties)
        try await training.begin(steps: 2)
        // One party has written its part of the last and another hasn't; a third, if there is one, was writing.
        try FileManager.default.removeItem(at: training.file(0, 1))
        for party in 0..<parties {
            try Data("torn".utf8).write(to: training.folder(party).appendingPathComponent(".party-\(party).unfinished"))
        }
        var resumed = try await training.resume()
        #expect(resumed.allSatisfy { $0.header?.stepCount == 1 && $0.error == nil && $0.damaged.isEmpty })
        // The next save takes what is left of the lost one away.
        resumed = try await training.resume(steps: 1)
        #expect(resumed.allSatisfy { $0.header?.stepCount == 1 && $0.error == nil })
        for party in 0..<parties { #expect(try training.files(party).count == 2) }
        resumed = try await training.resume()
        #expect(resumed.allSatisfy { $0.header?.stepCount == 2 && $0.error == nil })
    }

    @Test("files of another training that lie in the folder are left alone")
    func neighbours() async throws {
        let (training, other) = (try CheckpointedTraining(parties: 2), try CheckpointedTraining(parties: 2))
        try await training.begin(steps: 1)
        try await other.begin(steps: 1)
        let name = try other.files(0)[0]
        try FileManager.default.copyItem(at: other.file(0, 0), to: training.folder(0).appendingPathComponent(name))
        let resumed = try await training.resume(steps: 3)
        #expect(resumed.allSatisfy { $0.header?.stepCount == 1 && $0.error == nil })
        #expect(try training.files(0).count == 3 && training.files(0).contains(name) && training.files(1).count == 2)
    }

    @Test("shares of two checkpoints of one step are never put together")
    func sameStep() async throws {
        let training = try CheckpointedTraining(parties: 2)
        try await training.begin(steps: 2)
        let copy = training.root.appendingPathComponent("copy")
        try FileManager.default.copyItem(at: training.folder(0), to: copy)
        // Party 1 loses the second step, and both make it anew.
        try FileManager.default.removeItem(at: training.file(1, 1))
        _ = try await training.resume(steps: 1)
        let steps = try (0..<2).map { try training.files($0).map { $0.split(separator: ".")[2] } }
        #expect(steps[0] == ["step-00000001", "step-00000002"] && steps[1] == steps[0])
        // Party 0's disk comes back with the second step as it was.
        try FileManager.default.removeItem(at: training.folder(0))
        try FileManager.default.moveItem(at: copy, to: training.folder(0))
        let resumed = try await training.resume()
        #expect(resumed.map(\.header?.stepCount) == [1, 1] && resumed.allSatisfy { $0.error == nil })
    }

    @Test("a party without files, files of other trainings, of other parties, and none at all")
    func wrongFiles() async throws {
        let training = try CheckpointedTraining(parties: 2)
        let none = try await training.resume()
        #expect(none.allSatisfy { $0.header == nil && $0.error == nil && $0.lives })
        try await training.begin(steps: 1)
        let other = try CheckpointedTraining(parties: 2)
        try await other.begin(steps: 1)

        let kept = training.root.appendingPathComponent("kept")
        try FileManager.default.moveItem(at: training.folder(1), to: kept)
        var resumed = try await training.resume()
        #expect(resumed.allSatisfy { $0.error?.code == .fileNotReadable && $0.lives })
        #expect(resumed[0].error?.message.contains("party 1 has no whole checkpoint") == true)

        try FileManager.default.removeItem(at: training.folder(1))
        try FileManager.default.copyItem(at: other.folder(1), to: training.folder(1))
        resumed = try await training.resume()
        for party in resumed {
            #expect(party.error?.code == .wrongSession && party.lives)
            #expect(party.error?.message.contains("different trainings") == true)
        }

        try FileManager.default.removeItem(at: training.folder(1))
        try FileManager.default.copyItem(at: training.folder(0), to: training.folder(1))
        resumed = try await training.resume()
        #expect(resumed[1].error?.code == .wrongSession && resumed[1].lives)
        #expect(resumed[1].error?.message.contains("holds checkpoints of party 0 and none of party 1") == true)
        #expect(resumed[0].error?.code == .partyFailed && resumed[0].error?.message.contains("party 1") == true)

        // Renamed, it still says whose it is.
        let name = try training.files(1)[0]
        try FileManager.default.moveItem(
            at: training.folder(1).appendingPathComponent(name),
            to: training.folder(1).appendingPathComponent(name.replacingOccurrences(of: "party-0", with: "party-1"))
        )
        resumed = try await training.resume()
        #expect(resumed[1].damaged.first?.message.contains("it is party 0's, and its name says party 1's") == true)
    }

    @Test("other numbers of parties and fraction bits, and other networks, refuse a checkpoint by name")
    func otherSessions() async throws {
        let training = try CheckpointedTraining(parties: 2)
        try await training.begin(steps: 1)
        var configuration = SessionConfiguration()
        configuration.fractionBits = 14
        for party in try await training.resume(configuration: configuration) {
            #expect(party.error?.code == .wrongSession && party.lives)
            #expect(party.error?.message.contains("with 16 fraction bits, and this session has 14") == true)
        }
        let three = try CheckpointedTraining(parties: 3)
        for party in 0..<2 {
            try FileManager.default.copyItem(at: training.folder(party), to: three.folder(party))
        }
        let resumed = try await three.resume()
        for party in resumed.prefix(2) {
            #expect(party.error?.code == .wrongSession)
            #expect(party.error?.message.contains("with 2 parties, and this session has 3") == true)
        }
        #expect(resumed[2].error?.code == .partyFailed)

        _ = try await withLocalParties(2) { session in
            let store = try CheckpointStore(directory: training.folder(session.party.index))
            let header = try #require(try await store.newest(on: session))
            let networks: [(String, Sequential)] = [
                (
                    "shape [4, 6], and this one's [4, 7]",
                    Sequential {
                        Linear(7, 4)
                        BatchNorm1d(4)
                        ReLU()
                        Linear(4, 3)
                    }
                ),
                (
                    "'1.weight', and this one hasn't",
                    Sequential {
                        Linear(6, 4)
                        ReLU()
                        ReLU()
                        Linear(4, 3)
                    }
                ),
                (
                    "hasn't '4.weight'",
                    Sequential {
                        Linear(6, 4)
                        BatchNorm1d(4)
                        ReLU()
                        Linear(4, 3)
                        Linear(3, 3)
                    }
                ),
            ]
            for (what, network) in networks {
                let error = await #expect(throws: CrypTenError.self) {
                    try await store.load(header, for: network, on: session)
                }
                #expect(error?.code == .wrongSession)
                #expect(error?.message.contains(what) == true, "\(error?.message ?? "")")
            }
            var learner = CheckpointedTraining.Learner()
            let state = try await store.load(header, on: session)
            try state.restore(&learner.model, &learner.optimizer)
            #expect(learner.optimizer.stepCount == 1 && learner.model.buffers.count == 3)
            var wrong = networks[0].1
            let error = #expect(throws: CrypTenError.self) { try state.restore(&wrong, &learner.optimizer) }
            #expect(error?.code == .wrongSession)
        }
    }

    @Test("what is changed in a file and named anew is refused for what it says, and no number of it is trusted")
    func forged() async throws {
        let training = try CheckpointedTraining(parties: 2)
        try await training.begin(steps: 1)
        let url = try training.file(0, 0)
        let whole = try Data(contentsOf: url)
        let changes = [
            (#"\"partyCount\":2"#, #"\"partyCount\":0"#, "no checkpoint can be"),
            (#"\"epoch\":0"#, #"\"epoch\":x"#, "don't say 'header'"),
            (#"\"stepCount\":1"#, #"\"stepCount\":-"#, "don't say 'header'"),
            (#""party":"0""#, #""party":"1""#, "it is party 1's"),
            ("crypten checkpoint 1", "crypten checkpoint 9", "isn't a checkpoint of this version"),
            (#"\"kind\":\"real\""#, #"\"kind\":\"bit\" "#, "can't be kept as it says"),
            (#"\"name\":\"parameter"#, #"\"name\":\"barameter"#, "tensors aren't those that it lists"),
        ]
        for (old, new, what) in changes {
            var bytes = whole
            let range = try #require(bytes.range(of: Data(old.utf8)), "\(old)")
            bytes.replaceSubrange(range, with: Data(new.utf8))
            let parts = url.lastPathComponent.split(separator: ".")
            let name = "\(parts[0]).\(parts[1]).\(parts[2]).\(DurableFile.digest(of: bytes)).safetensors"
            let forged = training.folder(0).appendingPathComponent(name)
            try FileManager.default.removeItem(at: training.file(0, 0))
            try bytes.write(to: forged)
            let resumed = try await training.resume()
            #expect(resumed[0].damaged.first?.message.contains(what) == true, "\(resumed[0].damaged)")
            #expect(resumed.allSatisfy { $0.error?.code == .fileNotReadable && $0.lives })
        }
    }

    @Test(
        "a checkpoint that was sealed with a passphrase is opened by it alone, and what goes on is sealed with it, too"
    )
    func passphrase() async throws {
        func key(_ words: String) throws -> CheckpointKey {
            try CheckpointKey(passphrase: Data(words.utf8), rounds: 14)
        }
        let training = try CheckpointedTraining(parties: 2)
        let state = try await training.begin(steps: 2, key: key("some words"))
        #expect(try training.files(0).allSatisfy { $0.hasSuffix(".sealed") })
        for (key, what) in [
            (try key("other words"), "this passphrase doesn't open it"), (nil, "it is sealed"),
            (try Self.key(1), "it was sealed with a passphrase"),
        ] {
            for party in try await training.resume(key: key) {
                #expect(party.error?.code == .invalidArgument && party.lives)
                #expect(party.error?.message.contains(what) == true, "\(party.error?.message ?? "")")
            }
        }
        for party in try await training.resume(steps: 1, key: try key("some words")) {
            #expect(party.error == nil && party.state == state)
        }
        #expect(try await training.resume(key: try key("some words"))[0].header?.stepCount == 3)
    }

    @Test("a sealed checkpoint is opened by its own key alone")
    func keys() async throws {
        let training = try CheckpointedTraining(parties: 2)
        try await training.begin(steps: 1, key: Self.key(1))
        #expect(try training.files(0)[0].hasSuffix(".sealed"))
        let bytes = try Data(contentsOf: training.file(0, 0))
        #expect(bytes.range(of: Data("parameter/0.weight".utf8)) == nil && bytes.range(of: Data("Adam".utf8)) == nil)
        for (key, what) in [(try Self.key(2), "this key doesn't open it"), (nil, "it is sealed")] {
            for party in try await training.resume(key: key) {
                #expect(party.error?.code == .invalidArgument && party.lives)
                #expect(party.error?.message.contains(what) == true)
            }
        }
        let plain = try CheckpointedTraining(parties: 2)
        try await plain.begin(steps: 1)
        let refused = try await plain.resume(key: Self.key(1))
        #expect(refused.allSatisfy { $0.error?.message.contains("isn't sealed") == true })
    }

    @Test(
        "a new training doesn't write where there is one, nor parties different things, and a failing disk is told to all"
    )
    func refused() async throws {
        let training = try CheckpointedTraining(parties: 2)
        try await training.begin(steps: 1)
        _ = try await withLocalParties(2) { session in
            var learner = CheckpointedTraining.Learner()
            try await session.initialize(&learner.model, owner: .party(1), seed: 3)
            let party = session.party.index
            let used = try CheckpointStore(directory: training.folder(party))
            let begun = await #expect(throws: CrypTenError.self) { try await used.begin(on: session) }
            #expect(begun?.code == .wrongSession && begun?.message.contains("another training") == true)
            await #expect(throws: CrypTenError.self) { try await used.save(learner.state(), on: session) }
            #expect(try training.files(party).count == 1)

            let folder = training.root.appendingPathComponent("new-\(party)")
            let store = try CheckpointStore(directory: folder)
            try await store.begin(on: session)
            let differs = await #expect(throws: CrypTenError.self) {
                try await store.save(learner.state(epoch: party), on: session)
            }
            #expect(differs?.code == .diverged && differs?.message.contains("'epoch' (1)") == true)
            let unkept = await #expect(throws: CrypTenError.self) {
                let loose = try await session.input(from: .party(0)) { Tensor(1.0) }
                try await store.save(
                    TrainingState(parameters: ParameterTree([("w", loose)]), stepCount: 1),
                    on: session
                )
            }
            #expect(unkept?.code == .invalidArgument && unkept?.message.contains("'parameter/w'") == true)
            try await store.save(learner.state(), on: session)
            if party == 1 { try FileManager.default.moveItem(at: folder, to: folder.appendingPathExtension("gone")) }
            let full = await #expect(throws: CrypTenError.self) { try await store.save(learner.state(), on: session) }
            #expect(full?.code == (party == 1 ? .fileNotReadable : .partyFailed), "\(full?.message ?? "")")
            if party == 1 { try FileManager.default.moveItem(at: folder.appendingPathExtension("gone"), to: folder) }
            // The session lives, and what was saved before can be loaded.
            let again = try CheckpointStore(directory: folder)
            #expect(try await again.newest(on: session)?.stepCount == 0)
        }
    }

    @Test("parties of one process may share a folder; public tensors stay the program's")
    func oneFolder() async throws {
        let training = try CheckpointedTraining(parties: 2)
        let told = try await withLocalParties(2) { session -> Tensor? in
            let store = try CheckpointStore(directory: training.root)
            let secret = try await session.hold([try await session.input(from: .party(1)) { Tensor([1.5], shape: [1]) }]
            )
            var state = TrainingState(parameters: ParameterTree([("w", secret[0])]), stepCount: 7)
            state.buffers["scale"] = CrypTensor(constant: Tensor(2.0))
            try await store.save(state, on: session)
            let header = try #require(try await store.newest(on: session))
            let loaded = try await store.load(header, on: session)
            #expect(loaded.buffers.isEmpty && loaded.parameters.names == ["w"] && loaded.stepCount == 7)
            return try await session.reveal(try #require(loaded.parameters["w"]), to: .all)
        }
        #expect(told == [Tensor([1.5], shape: [1]), Tensor([1.5], shape: [1])])
    }
}
