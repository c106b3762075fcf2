#include "smtpd/inbound/incoming_header.h"

#include "common/base/text.h"
#include "common/mail/header.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t message_id_bytes_max = 998;

bool is_field_line(std::string_view line) {
  auto colon = line.find(':');
  if (colon == line.npos) return false;
  auto name = line.substr(0, colon);
  while (!name.empty() && is_blank(name.back())) name.remove_suffix(1);
  return is_field_name(name);
}

bool is_from_line(std::string_view line) {
  while (line.starts_with('>')) line.remove_prefix(1);
  return line.starts_with("From ");
}

}  // namespace

HeaderEnd find_header_end(std::string_view text, bool is_whole, const HeaderLimits& limits) {
  HeaderEnd end;
  std::size_t at = 0;
  std::size_t fields = 0;
  std::size_t field_begin = 0;
  while (at < text.size()) {
    auto line_end = text.find('\n', at);
    if (line_end == text.npos && !is_whole) return end;
    auto line = text.substr(at, line_end - at);
    auto next = line_end == text.npos ? text.size() : line_end + 1;
    if (line.empty()) {
      end.is_found = true;
      end.bytes = at;
      return end;
    }
    if (at == 0 && is_from_line(line)) {
      end.begins_with_from_ = true;
      ++fields;
    } else if (is_blank(line.front()) && fields > 0) {
      if (next - field_begin > limits.field_bytes_max) {
        end.is_found = true;
        end.bytes = field_begin;
        return end;
      }
    } else if (!is_field_line(line)) {
      end.is_found = true;
      end.needs_empty_line = true;
      end.bytes = at;
      return end;
    } else {
      field_begin = at;
      if (++fields > limits.fields_max || next - at > limits.field_bytes_max) {
        end.is_found = true;
        end.bytes = at;
        return end;
      }
    }
    at = next;
    end.bytes = at;
  }
  end.is_found = is_whole;
  return end;
}

HeaderFacts header_facts(std::string_view header) {
  HeaderFacts facts;
  for (const auto& field : HeaderFields(header)) {
    if (field.is("Received")) ++facts.hops;
    if (facts.message_id.empty() && field.is("Message-ID")) {
      facts.message_id = printable(field.value(), message_id_bytes_max);
    }
  }
  return facts;
}

}  // namespace pennypost::smtp
