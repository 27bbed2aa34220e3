import CrypTenService
import CrypTenSharing
import Testing

@Suite("What requests at a door may take together")
struct DoorLimitTests {
    @Test("is half of what the process may fill, as the file says at the time, and what was given back is there again")
    func room() throws {
        var file = ClusterFile.Limits()
        let limits = DoorLimits(file)
        #expect(limits.room == 1 << 30)
        file.memory = 1000
        limits.replace(file)
        let room = DoorRoom(limits)
        #expect(try room.take(400) == 400)
        let refusal = #expect(throws: DoorRefusal.self) { try room.take(101) }
        #expect(refusal?.code == .busy)
        #expect(try room.take(100) == 100)
        file.memory = 1202
        limits.replace(file)
        #expect(try room.take(101) == 101)
        // Less than is taken already: nothing more comes in until enough has gone.
        file.memory = 800
        limits.replace(file)
        #expect(throws: DoorRefusal.self) { try room.take(1) }
        room.give(400)
        #expect(try room.take(199) == 199)
        #expect(throws: DoorRefusal.self) { try room.take(1) }
    }
}
