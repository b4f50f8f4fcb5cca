-- What Quintil does inside Redis; docs/REDIS.md describes the keys. One script, a step a call:
--
--   apply    transitions of one partition, from the offset that is stored to the next one
--   begin    a rebuild of some partitions: their offsets go, a marker comes
--   state    whole states of customers, from quintil.customers, during a rebuild
--   sweep    customers of these partitions that the rebuild did not meet go; a piece a call
--   members  members of a set who do not belong there go; a piece a call
--   finish   the rebuild ends: offsets come, markers go, the counts are counted anew
--
-- A call is atomic towards readers, but an error in its middle leaves what was done before it. So
-- what may be done twice comes first, the stream after it and the offset last, and the offset is
-- looked at before anything is done.
--
-- KEYS[1] is <prefix>offsets; the other keys are made of the prefix.

local ARGV, unpack, tonumber = ARGV, unpack, tonumber -- locals are looked up faster
local prefix, step = ARGV[1], ARGV[2]
local offsets = KEYS[1]
local counts = prefix .. 'counts'
local call, byte, find, sub = redis.call, string.byte, string.find, string.sub
local doing = offsets -- the key at hand, for the error
local MOVED = redis.status_reply('MOVED')

-- Arguments of one command are bounded by Lua's stack: a long list goes in pieces. Returns the sum of
-- what the command answered.
local function in_pieces(command, key, list, first, last)
    local sum = 0
    doing = key
    while first <= last do
        local stop = math.min(first + 999, last)
        sum = sum + call(command, key, unpack(list, first, stop))
        first = stop + 1
    end
    return sum
end

-- The part of a set's name behind `segment:`; nil for a state without one.
local function set_of(segment, state)
    if not state or state == '' or state == 'out' then
        return nil
    elseif state == 'in' then
        return segment
    end
    return segment .. ':' .. state
end

-- Sets that members come to and go from in this call: set -> id -> true or false.
local moves = {}

local function move(set, id, is_in)
    if set then
        local ids = moves[set]
        if not ids then
            ids = {}
            moves[set] = ids
        end
        ids[id] = is_in
    end
end

-- Carries the moves out; the counts are asked of the sets, so that they cannot differ from them.
local function carry_out()
    for set, ids in pairs(moves) do
        local key = prefix .. 'segment:' .. set
        local into, from = {}, {}
        for id, is_in in pairs(ids) do
            local list = is_in and into or from
            list[#list + 1] = id
        end
        in_pieces('SADD', key, into, 1, #into)
        in_pieces('SREM', key, from, 1, #from)
        doing = counts
        call('HSET', counts, set, call('SCARD', key))
    end
end

-- What the hash says of segments: field -> state.
local function segments_in(flat)
    local found = {}
    for i = 1, #flat, 2 do
        if sub(flat[i], 1, 8) == 'segment:' then
            found[flat[i]] = flat[i + 1]
        end
    end
    return found
end

local function erase(id)
    local key = prefix .. 'customer:' .. id
    doing = key
    local flat = call('HGETALL', key)
    if #flat > 0 then
        for field, state in pairs(segments_in(flat)) do
            move(set_of(sub(field, 9), state), id, false)
        end
        call('UNLINK', key)
    end
end

-- Argument 10 on: the number of sets and the sets; the number of customers and of each id, moves (two
-- bytes each: the set's number, + or -; or `!`: erased), number of fields and the fields, of which the
-- last is the sequence; the number of transitions and their texts, where they are checked with the
-- customer's number and the sequence before each.
--
-- Checked: whether a customer has a sequence already is looked at. That is asked for where a rebuild
-- may know more than the offset says; elsewhere the offset is enough, and a look less a customer.
local function apply()
    local partition, from, next_offset, last = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
    local stream_max, publish, checked = ARGV[7], ARGV[8] == '1', ARGV[9] == '1'
    if call('HGET', offsets, partition) ~= from then
        return MOVED
    end
    local into, away, set_count = {}, {}, tonumber(ARGV[10])
    for i = 1, set_count do
        into[i], away[i] = {}, {}
    end
    local at = 11 + set_count
    local customer, customers = prefix .. 'customer:', tonumber(ARGV[at])
    local known = {} -- the sequence that each customer had before
    at = at + 1
    for number = 1, customers do
        local id, codes, count = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
        local key, first, stop = customer .. id, at + 3, at + 2 + count
        local is_new = true
        doing = key
        if checked then
            known[number] = tonumber(call('HGET', key, 'sequence') or 0)
            is_new = known[number] < tonumber(ARGV[stop])
        end
        if is_new and codes == '!' then
            erase(id)
        elseif is_new then
            local added
            if count <= 1000 then
                added = call('HSET', key, unpack(ARGV, first, stop))
            else
                added = in_pieces('HSET', key, ARGV, first, stop)
            end
            if added * 2 == count then -- no field was there: a customer not seen before
                call('HSET', key, 'partition', partition)
            end
            for i = 1, #codes, 2 do
                local set, sign = byte(codes, i, i + 1)
                local list = sign == 43 and into[set] or away[set]
                list[#list + 1] = id
            end
        end
        at = stop + 1
    end
    carry_out()
    for i = 1, set_count do
        local key = prefix .. 'segment:' .. ARGV[10 + i]
        in_pieces('SADD', key, into[i], 1, #into[i])
        in_pieces('SREM', key, away[i], 1, #away[i])
        doing = counts
        if #into[i] + #away[i] > 0 then
            call('HSET', counts, ARGV[10 + i], call('SCARD', key))
        end
    end
    local stream, added, width = prefix .. 'transitions', 0, checked and 3 or 1
    doing = stream
    for i = at + width, at + width * tonumber(ARGV[at]), width do
        if not checked or tonumber(ARGV[i - 1]) > known[tonumber(ARGV[i - 2])] then
            if stream_max ~= '0' then
                call('XADD', stream, '*', 'transition', ARGV[i])
                added = added + 1
            end
            if publish then
                call('PUBLISH', stream, ARGV[i])
            end
        end
    end
    if added > 0 then
        call('XTRIM', stream, 'MAXLEN', '~', stream_max)
    end
    doing = offsets
    call('HSET', offsets, partition, next_offset)
    if last ~= '' then
        call('HSET', offsets, partition .. ':last', last)
    end
    return redis.status_reply('OK')
end

-- The partitions from argument `at` on, as a set; nil where another rebuild has begun meanwhile.
local function partitions_of(token, at)
    local ours = {}
    for i = at, #ARGV do
        if call('HGET', offsets, ARGV[i] .. ':rebuild') ~= token then
            return nil
        end
        ours[ARGV[i]] = true
    end
    return ours
end

local function begin()
    local token = ARGV[3]
    for i = 4, #ARGV do
        call('HDEL', offsets, ARGV[i], ARGV[i] .. ':last', ARGV[i] .. ':until')
        call('HSET', offsets, ARGV[i] .. ':rebuild', token)
    end
    return redis.status_reply('OK')
end

-- Argument 5 on: of each customer the id, the number of fields (none: erased) and the fields, with
-- the partition and the token among them.
local function state()
    local partition, token = ARGV[3], ARGV[4]
    if call('HGET', offsets, partition .. ':rebuild') ~= token then
        return MOVED
    end
    local at = 5
    while at <= #ARGV do
        local id, count = ARGV[at], tonumber(ARGV[at + 1])
        local key = prefix .. 'customer:' .. id
        erase(id) -- what is still right comes back below, in this same call
        if count > 0 then
            for i = at + 2, at + count, 2 do
                if sub(ARGV[i], 1, 8) == 'segment:' then
                    move(set_of(sub(ARGV[i], 9), ARGV[i + 1]), id, true)
                end
            end
            in_pieces('HSET', key, ARGV, at + 2, at + 1 + count)
        end
        at = at + 2 + count
    end
    carry_out()
    return redis.status_reply('OK')
end

-- Whether the customer is for this rebuild to judge: of one of its partitions, or of none there is.
local function is_ours(partition, ours, total)
    local number = tonumber(partition or '')
    return ours[partition] or not number or number >= total
end

-- Returns the next cursor and the sets that were met.
local function sweep()
    local token, total, pattern, cursor = ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6]
    local ours = partitions_of(token, 7)
    if not ours then
        return MOVED
    end
    local customer, segment = prefix .. 'customer:', prefix .. 'segment:'
    local found = call('SCAN', cursor, 'MATCH', pattern, 'COUNT', 500)
    local result = {found[1]}
    for _, key in ipairs(found[2]) do
        if sub(key, 1, #customer) == customer then
            doing = key
            local known = call('HMGET', key, 'partition', 'rebuild')
            if known[2] ~= token and is_ours(known[1], ours, total) then
                erase(sub(key, #customer + 1))
            end
        elseif sub(key, 1, #segment) == segment then
            result[#result + 1] = sub(key, #segment + 1)
        end
    end
    carry_out()
    return result
end

-- Returns the next cursor.
local function members()
    local token, total, set, cursor = ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6]
    local ours = partitions_of(token, 7)
    if not ours then
        return MOVED
    end
    local key = prefix .. 'segment:' .. set
    local colon = find(set, ':', 1, true)
    local segment = colon and sub(set, 1, colon - 1) or set
    doing = key
    local found = call('SSCAN', key, cursor, 'COUNT', 500)
    for _, id in ipairs(found[2]) do
        doing = prefix .. 'customer:' .. id
        local known = call('HMGET', doing, 'partition', 'segment:' .. segment)
        if is_ours(known[1], ours, total) and set_of(segment, known[2]) ~= set then
            move(set, id, false)
        end
    end
    carry_out()
    return {found[1]}
end

-- Argument 5 on: partition, the offset to go on from, and the one up to which customers may know more.
local function finish()
    local token, total = ARGV[3], tonumber(ARGV[4])
    for i = 5, #ARGV, 3 do
        if call('HGET', offsets, ARGV[i] .. ':rebuild') ~= token then
            return MOVED
        end
    end
    for _, field in ipairs(call('HKEYS', offsets)) do
        local number = tonumber(string.match(field, '^(%d+)'))
        if number and number >= total then
            call('HDEL', offsets, field)
        end
    end
    for _, set in ipairs(call('HKEYS', counts)) do
        local count = call('SCARD', prefix .. 'segment:' .. set)
        if count > 0 then
            call('HSET', counts, set, count)
        else
            call('HDEL', counts, set)
        end
    end
    for i = 5, #ARGV, 3 do
        call('HSET', offsets, ARGV[i], ARGV[i + 1], ARGV[i] .. ':until', ARGV[i + 2])
        call('HDEL', offsets, ARGV[i] .. ':rebuild')
    end
    return redis.status_reply('OK')
end

local steps = {
    apply = apply, begin = begin, state = state, sweep = sweep, members = members, finish = finish,
}
local fine, result = pcall(steps[step])
if fine then
    return result
end
-- Up to Redis 6 the error is a text with a place in front of it, from 7 on a table.
local text = type(result) == 'table' and result.err or tostring(result)
return redis.error_reply(string.gsub(text, '^ERR ', '') .. ' (at key ' .. doing .. ')')
