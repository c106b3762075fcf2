// Handlers of replace and enclose, which change a message's body.
//
// replace puts a text or a MIME entity in the place of the part that a foreverypart looks at, or of
// the whole message, whose other fields stay. enclose makes the message an attachment of a new one,
// behind a text; fields that stop loops of mail stay on top.
//
// LIMITS     rewrites_max
// STANDARDS  RFC 5703 sections 5 and 6
// SEE ALSO   edited_message.h, own_message.h
#include "common/base/text.h"
#include "common/crypto/digest.h"
#include "common/mail/binary_parts.h"
#include "common/mail/date.h"
#include "store/sieve/handlers.h"
#include "store/sieve/own_message.h"

namespace pennypost::store::sieve {
namespace {

constexpr std::size_t boundary_letters = 24;

Result<void> room_for_rewrite(Run& run) {
  TRY_DO(run.spend(1 + run.message().text().size() / 1024));
  if (run.message().version() < rewrites_max) return {};
  return Error::permanent("the script replaces or encloses a message more than " +
                          std::to_string(rewrites_max) + " times");
}

/// In the message's own line ends.
std::string in_lines_of(Run& run, const std::string& text) {
  return run.message().line_end() == "\n" ? text : with_crlf(text);
}

Result<std::string> entity_of(Run& run, const Command& command) {
  auto text = run.text(command.arguments[0]);
  return command.has(Tag::Mime) ? written_entity(text) : Result<std::string>(plain_text_body(text));
}

/// The header without what describes the old content; Subject and From, if they are given anew, are
/// kept as Original-Subject and Original-From.
Result<std::string> header_around(Run& run, const Command& command) {
  std::string header;
  for (const auto& field : run.message().fields()) {
    if (starts_with_nocase(field.name, "Content-") || field.is("MIME-Version")) continue;
    bool is_renewed = (field.is("Subject") && command.has(Tag::Subject)) ||
                      (field.is("From") && command.has(Tag::From));
    add(header, is_renewed ? "Original-" : "", with_lf(field.whole));
    if (!header.ends_with('\n')) header += '\n';
  }
  if (command.has(Tag::Subject)) {
    header += text_field("Subject", run.text_after(command, Tag::Subject));
  }
  if (command.has(Tag::From)) {
    TRY(auto from, address_value(run.text_after(command, Tag::From)));
    header += make_field("From", from, "\n");
  }
  return header;
}

bool stops_loops(const HeaderField& field) {
  return field.is("Received") || field.is("Auto-Submitted") || field.is("Return-Path") ||
         field.is("Delivered-To") || field.is("X-Original-To");
}

Result<std::string> header_of_enclosure(Run& run, const Command& command) {
  std::string header;
  const auto* copied = command.find(Tag::Header);
  for (const auto& field : run.message().fields()) {
    bool is_kept = stops_loops(field);
    for (std::size_t i = 0; copied != nullptr && i < copied->strings.size(); ++i) {
      is_kept = is_kept || field.is(run.text(copied->strings[i]));
    }
    if (is_kept) header += with_lf(field.whole);
  }
  HeaderFields kept(header);
  const auto& environment = run.environment();
  std::string made;
  if (!kept.has("From")) {
    TRY(auto from, address_value(owner_address(environment)));
    made += make_field("From", from, "\n");
  }
  if (!kept.has("Date")) {
    auto now = environment.in_local_zone(environment.now_seconds());
    made += make_field("Date", format_date(now), "\n");
  }
  if (command.has(Tag::Subject)) {
    made += text_field("Subject", run.text_after(command, Tag::Subject));
  }
  return header + made;
}

}  // namespace

Result<void> replace(Run& run, const Command& command) {
  TRY_DO(room_for_rewrite(run));
  TRY(auto entity, entity_of(run, command));
  const auto* part = run.part();
  bool is_whole = part == nullptr || part->header.offset == 0;
  if (is_whole) {
    TRY(auto header, header_around(run, command));
    if (!HeaderFields(entity).has("MIME-Version")) header += "MIME-Version: 1.0\n";
    run.message().replace_all(in_lines_of(run, header + entity), false);
    return {};
  }
  auto offset = run.message().offset_now(part->header.offset, run.version_of_part());
  if (!offset) return {};
  // The line end before the next boundary belongs to that.
  if (entity.ends_with('\n')) entity.pop_back();
  auto octets = part->body.offset + part->body.bytes - part->header.offset;
  run.message().replace(*offset, octets, in_lines_of(run, entity));
  return {};
}

Result<void> enclose(Run& run, const Command& command) {
  TRY_DO(room_for_rewrite(run));
  TRY(auto header, header_of_enclosure(run, command));
  std::string inner;
  for (const auto& field : run.message().fields()) inner += field.whole;
  auto text = run.message().text();
  auto body_at = header_bytes(text);
  inner += run.message().line_end();
  inner += text.substr(body_at);
  Sha256 sha;
  sha.add(inner);
  auto boundary = hex_encode(sha.finish()).substr(0, boundary_letters);
  header += "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"" + boundary + "\"\n\n";
  auto before = header + "--" + boundary + "\n" + plain_text_body(run.text(command.arguments[0])) +
                "\n--" + boundary + "\nContent-Type: message/rfc822\n\n";
  std::string whole = in_lines_of(run, before) + inner;
  whole += in_lines_of(run, "\n--" + boundary + "--\n");
  run.message().replace_all(std::move(whole), true);
  return {};
}

}  // namespace pennypost::store::sieve
