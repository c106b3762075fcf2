#include "smtpd/queue/incoming_header.h"

#include <algorithm>

#include "common/base/text.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t message_id_bytes_max = 998;

bool is_from_line(std::string_view line) {
  while (line.starts_with('>')) line.remove_prefix(1);
  return line.starts_with("From ");
}

void add_text(std::vector<Piece>& pieces, std::string_view text) {
  if (text.empty()) return;
  if (pieces.empty() || pieces.back().length != 0) pieces.emplace_back();
  pieces.back().text += text;
}

void add_range(std::vector<Piece>& pieces, std::uint64_t offset, std::uint64_t length) {
  if (length == 0) return;
  Piece& piece = pieces.emplace_back();
  piece.offset = offset;
  piece.length = length;
}

}  // namespace

HeaderEnd find_header_end(std::string_view text, bool is_whole) {
  HeaderEnd end;
  std::size_t at = 0;
  while (at < text.size()) {
    auto line_end = text.find('\n', at);
    if (line_end == text.npos && !is_whole) return end;
    auto line = text.substr(at, line_end - at);
    bool is_first = at == 0;
    if (is_first && is_from_line(line)) {
      end.begins_with_from_ = true;
    } else if (line.empty()) {
      end.is_found = true;
      return end;
    } else if ((is_first || !is_blank(line.front())) && !is_field_line(line)) {
      end.is_found = end.needs_empty_line = true;
      return end;
    }
    at = line_end == text.npos ? text.size() : line_end + 1;
    end.bytes = at;
  }
  end.is_found = is_whole;
  return end;
}

Error header_too_long() {
  return Error(
      552, "5.3.4",
      "Error: the header is longer than " + std::to_string(header_block_bytes_max) + " bytes");
}

HeaderFacts header_facts(std::string_view header, const std::vector<std::string>& drop) {
  HeaderFacts facts;
  for (const auto& field : HeaderFields(header)) {
    if (field.is("Received")) ++facts.hops;
    if (facts.message_id.empty() && field.is("Message-ID")) {
      facts.message_id = printable(field.value(), message_id_bytes_max);
    }
    if (field.is("TLS-Required")) facts.is_tls_optional = equal_nocase(field.value(), "no");
    if (field.is("Require-TLS-ESMTP")) facts.requires_tls = equal_nocase(field.value(), "yes");
    if (!std::ranges::any_of(drop, [&](const auto& name) { return field.is(name); })) continue;
    auto offset = static_cast<std::size_t>(field.whole.data() - header.data());
    facts.dropped.push_back(Edit{offset, field.whole.size(), {}});
  }
  return facts;
}

void note_tls_wishes(const HeaderFacts& facts, const Settings& settings, Envelope& envelope) {
  bool is_read = settings.requiretls_enable && settings.requiretls_esmtp_header;
  envelope.requires_tls = envelope.requires_tls || (is_read && facts.requires_tls);
  envelope.is_tls_optional = settings.tls_required_enable && facts.is_tls_optional;
}

std::uint64_t line_ends_left(std::string_view header, const std::vector<Edit>& edits,
                             std::uint64_t line_ends) {
  for (const auto& edit : edits) {
    auto erased = std::ranges::count(header.substr(edit.offset, edit.erase), '\n');
    line_ends -= static_cast<std::uint64_t>(erased);
  }
  return line_ends;
}

std::vector<Piece> incoming_pieces(std::string_view top, const HeaderEnd& header,
                                   const std::vector<Edit>& edits,
                                   const std::vector<Edit>& body_edits, std::uint64_t bytes) {
  std::vector<Piece> pieces;
  add_text(pieces, top);
  std::size_t at = 0;
  auto add = [&](const std::vector<Edit>& some) {
    for (const auto& edit : some) {
      add_range(pieces, at, edit.offset - at);
      add_text(pieces, edit.insert);
      at = edit.offset + edit.erase;
    }
  };
  add(edits);
  if (header.needs_empty_line) {
    add_range(pieces, at, header.bytes - at);
    add_text(pieces, "\n");
    at = header.bytes;
  }
  add(body_edits);
  add_range(pieces, at, bytes - at);
  return pieces;
}

}  // namespace pennypost::smtp
