import CMariaDB

/// Values as libmariadb takes them for the placeholders of a prepared statement. They are looked at while it is
/// executed.
final class ParameterBinding {
    let binds: UnsafeMutablePointer<MYSQL_BIND>
    private let count: Int
    private var buffers: [UnsafeMutableRawPointer] = []

    init(_ values: [MySQLValue]) {
        count = values.count
        binds = .allocate(capacity: max(1, count))
        binds.initialize(repeating: MYSQL_BIND(), count: max(1, count))
        for (index, value) in values.enumerated() { set(&binds[index], value) }
    }

    nonisolated deinit {}

    /// To be called once, when they are not needed any more.
    func free() {
        for buffer in buffers { buffer.deallocate() }
        binds.deallocate()
    }

    private func set(_ bind: inout MYSQL_BIND, _ value: MySQLValue) {
        switch value {
        case .null: bind.buffer_type = MYSQL_TYPE_NULL
        case .integer(let number): set(&bind, MYSQL_TYPE_LONGLONG, number)
        case .unsigned(let number):
            set(&bind, MYSQL_TYPE_LONGLONG, number)
            bind.is_unsigned = 1
        case .double(let number): set(&bind, MYSQL_TYPE_DOUBLE, number)
        case .decimal(let digits): set(&bind, MYSQL_TYPE_NEWDECIMAL, bytes: Array(digits.utf8))
        case .text(let text): set(&bind, MYSQL_TYPE_VAR_STRING, bytes: Array(text.utf8))
        case .bytes(let bytes): set(&bind, MYSQL_TYPE_LONG_BLOB, bytes: bytes)
        case .date(let date): set(&bind, MYSQL_TYPE_DATE, MYSQL_TIME(date))
        case .dateTime(let moment): set(&bind, MYSQL_TYPE_DATETIME, MYSQL_TIME(moment))
        case .time(let time): set(&bind, MYSQL_TYPE_TIME, MYSQL_TIME(time))
        }
    }

    private func set<Value>(_ bind: inout MYSQL_BIND, _ type: enum_field_types, _ value: Value) {
        bind.buffer_type = type
        let buffer = UnsafeMutablePointer<Value>.allocate(capacity: 1)
        buffer.initialize(to: value)
        bind.buffer = UnsafeMutableRawPointer(buffer)
        buffers.append(bind.buffer)
    }

    private func set(_ bind: inout MYSQL_BIND, _ type: enum_field_types, bytes: [UInt8]) {
        bind.buffer_type = type
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: max(1, bytes.count), alignment: 1)
        bytes.withUnsafeBytes { if let start = $0.baseAddress { buffer.copyMemory(from: start, byteCount: $0.count) } }
        bind.buffer = buffer
        bind.buffer_length = UInt(bytes.count)
        // Without a pointer of its own, the length is taken from here.
        bind.length_value = UInt(bytes.count)
        buffers.append(buffer)
    }
}

nonisolated extension MYSQL_TIME {
    init(_ date: MySQLDate) {
        self.init()
        year = UInt32(clamping: date.year)
        month = UInt32(clamping: date.month)
        day = UInt32(clamping: date.day)
        time_type = MYSQL_TIMESTAMP_DATE
    }

    init(_ moment: MySQLDateTime) {
        self.init(moment.date)
        hour = UInt32(clamping: moment.hour)
        minute = UInt32(clamping: moment.minute)
        second = UInt32(clamping: moment.second)
        second_part = UInt(clamping: moment.microsecond)
        time_type = MYSQL_TIMESTAMP_DATETIME
    }

    init(_ time: MySQLTime) {
        self.init()
        neg = time.isNegative ? 1 : 0
        // The hours of the protocol are those of a day.
        day = UInt32(clamping: time.hours / 24)
        hour = UInt32(clamping: time.hours % 24)
        minute = UInt32(clamping: time.minutes)
        second = UInt32(clamping: time.seconds)
        second_part = UInt(clamping: time.microseconds)
        time_type = MYSQL_TIMESTAMP_TIME
    }
}
