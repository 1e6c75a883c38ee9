#include "peer.h"

#include <http_parser.h>
#include <string.h>

static uint8_t body[65536];

struct reading {
    struct peer_message *message;
    const char *start;
    int in_value, in_trailers;
};

static struct reading *reading_of(http_parser *parser) { return parser->data; }

static int on_url(http_parser *parser, const char *at, size_t count) {
    struct reading *reading = reading_of(parser);
    if (reading->message->target_count == 0) {
        reading->message->target = (uint32_t)(at - reading->start);
    }
    reading->message->target_count += (uint32_t)count;
    return 0;
}

// The name of a field; a further piece of the same one when no value came between.
static int on_field(http_parser *parser, const char *at, size_t count) {
    struct reading *reading = reading_of(parser);
    struct peer_message *message = reading->message;
    size_t index = message->field_count + message->trailer_count;
    if (index > 0 && !reading->in_value) {
        message->fields[index - 1].name_count += (uint32_t)count;
        return 0;
    }
    if (index == PEER_MAX_FIELDS) {
        return 1;
    }
    uint32_t start = (uint32_t)(at - reading->start);
    message->fields[index] = (struct peer_field){.name = start, .name_count = (uint32_t)count};
    *(reading->in_trailers ? &message->trailer_count : &message->field_count) += 1;
    reading->in_value = 0;
    return 0;
}

static int on_value(http_parser *parser, const char *at, size_t count) {
    struct reading *reading = reading_of(parser);
    struct peer_message *message = reading->message;
    struct peer_field *field = &message->fields[message->field_count + message->trailer_count - 1];
    uint32_t start = (uint32_t)(at - reading->start);
    if (!reading->in_value) {
        field->value = start;
    }
    field->value_count = start + (uint32_t)count - field->value;
    reading->in_value = 1;
    return 0;
}

static int on_head(http_parser *parser) {
    struct reading *reading = reading_of(parser);
    reading->in_trailers = 1;
    reading->in_value = 1;
    reading->message->method = http_method_str((enum http_method)parser->method);
    reading->message->keeps_alive = http_should_keep_alive(parser);
    return 0;
}

static int on_body(http_parser *parser, const char *at, size_t count) {
    struct peer_message *message = reading_of(parser)->message;
    if (message->body_count + count > sizeof body) {
        return 1;
    }
    memcpy(body + message->body_count, at, count);
    message->body_count += count;
    return 0;
}

static int on_end(http_parser *parser) {
    reading_of(parser)->message->outcome = PEER_COMPLETE;
    http_parser_pause(parser, 1);
    return 0;
}

void peer_read(const uint8_t *bytes, size_t count, struct peer_message *message) {
    static const http_parser_settings settings = {
        .on_url = on_url,
        .on_header_field = on_field,
        .on_header_value = on_value,
        .on_headers_complete = on_head,
        .on_body = on_body,
        .on_message_complete = on_end,
    };
    struct reading reading = {.message = message, .start = (const char *)bytes, .in_value = 1};
    http_parser parser;
    http_parser_init(&parser, HTTP_REQUEST);
    parser.data = &reading;
    memset(message, 0, offsetof(struct peer_message, fields));
    message->body_count = 0;
    message->body = body;
    message->method = "";
    message->byte_count = http_parser_execute(&parser, &settings, (const char *)bytes, count);
    message->major = parser.http_major;
    message->minor = parser.http_minor;
    message->error = http_errno_name(HTTP_PARSER_ERRNO(&parser));
    if (message->outcome != PEER_COMPLETE && HTTP_PARSER_ERRNO(&parser) != HPE_OK) {
        message->outcome = PEER_REFUSED;
    }
}
