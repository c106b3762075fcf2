#include "smtpd/policy/header_checks.h"

#include <algorithm>
#include <array>

#include "common/base/enhanced_status.h"
#include "common/base/text.h"
#include "common/mail/address.h"
#include "store/maps/map.h"

namespace pennypost::smtp {
namespace {

using Kind = HeaderAction::Kind;

enum class Text { Optional, Field, Address };

struct Row {
  std::string_view name;
  Kind kind;
  Text text;
  std::string_view log_name;  // empty: not logged
};
constexpr std::array rows{
    Row{"DISCARD", Kind::Discard, Text::Optional, "discard"},
    Row{"DUNNO", Kind::Dunno, Text::Optional, ""},
    Row{"HOLD", Kind::Hold, Text::Optional, "hold"},
    Row{"IGNORE", Kind::Ignore, Text::Optional, ""},
    Row{"INFO", Kind::Info, Text::Optional, "info"},
    Row{"OK", Kind::Dunno, Text::Optional, ""},
    Row{"PREPEND", Kind::Prepend, Text::Field, "prepend"},
    Row{"REDIRECT", Kind::Redirect, Text::Address, "redirect"},
    Row{"REJECT", Kind::Reject, Text::Optional, "reject"},
    Row{"REPLACE", Kind::Replace, Text::Field, "replace"},
    Row{"WARN", Kind::Warn, Text::Optional, "warning"},
};
constexpr EnhancedStatus default_status = "5.7.1";

std::string_view log_name_of(Kind kind) {
  return std::ranges::find(rows, kind, &Row::kind)->log_name;
}

std::string names_of_actions() {
  std::vector<std::string> names;
  for (const auto& row : rows) names.emplace_back(row.name);
  return join(names, ", ");
}

Error wrong(const std::string& text) { return Error::permanent(text); }

bool is_field(std::string_view text) {
  auto colon = text.find(':');
  return colon != text.npos && is_field_name(trim(text.substr(0, colon)));
}

/// The text of REJECT, beginning with a status code. As in Postfix, 2.x.x becomes 4.x.x.
Result<std::string> reject_text(std::string_view text, HeaderAction::Form form) {
  if (text.empty()) text = "message content rejected";
  std::string_view rest = text;
  auto status = EnhancedStatus::take(rest);
  if (!status) return default_status.text() + " " + std::string(text);
  if (status->status_class != 2) return std::string(text);
  if (form == HeaderAction::Form::Written) {
    return wrong("REJECT " + printable(text, 100) + ": needs 4.x.x or 5.x.x");
  }
  return "4" + std::string(text.substr(1));
}

/// The Error for a text from reject_text().
Error refusal_of(std::string_view text) {
  auto status = EnhancedStatus::take(text).value_or(default_status);
  return Error(status.status_class == 4 ? 451 : 550, status, std::string(text));
}

/// The key of a field: without blanks before the colon and without the final line end.
std::string key_of(const HeaderField& field, std::size_t bytes_max) {
  std::string key = field.name.empty() ? "" : std::string(field.name) + ":";
  key += field.body;
  if (key.size() > bytes_max) key.resize(bytes_max);
  return key;
}

/// A table's text as a field: line ends within it become folds, and it gets a final line end.
std::string field_line(std::string_view text) {
  std::string line;
  while (text.ends_with('\n')) text.remove_suffix(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    line += text[i];
    bool needs_blank = text[i] == '\n' && !is_blank(text[i + 1]);
    if (needs_blank) line += ' ';
  }
  return line + "\n";
}

class Evaluation {
 public:
  Evaluation(const Settings& settings, const FindHeader& find) : settings_(settings), find_(find) {}

  Result<CheckHeader::Findings> run(std::string_view header) {
    auto until = std::chrono::steady_clock::now() + header_checks_time_max;
    for (const auto& field : HeaderFields(header)) {
      TRY(auto action, action_for(field));
      if (action) {
        TRY_DO(add(static_cast<std::size_t>(field.whole.data() - header.data()), field,
                   *std::move(action)));
        auto kind = findings_.list.back().action.kind;
        if (kind == Kind::Reject || kind == Kind::Discard) break;
      }
      if (std::chrono::steady_clock::now() > until) {
        return Error::temporary("4.3.0", "header_checks: one message took longer than " +
                                             std::to_string(header_checks_time_max.count()) + " s");
      }
    }
    return std::move(findings_);
  }

 private:
  /// Nothing if no table has an action for the field.
  Result<std::optional<HeaderAction>> action_for(const HeaderField& field) {
    auto limit = settings_.header_size_limit;
    auto key = key_of(field, std::min(limit, store::map_key_bytes_max));
    std::optional<HeaderAction> none;
    for (const auto& table : settings_.header_checks) {
      TRY(auto value, find_(table, key));
      if (!value) continue;
      auto action = HeaderAction::parse(*value);
      if (!action) {
        log_warning("cleanup", "header_checks: " + table.text() + ": " + action.error().text());
        return none;
      }
      return action->kind == Kind::Dunno ? none : std::optional(*std::move(action));
    }
    return none;
  }

  Result<void> add(std::size_t offset, const HeaderField& field, HeaderAction action) {
    bytes_ += sizeof(CheckHeader::Finding) + action.text.size();
    if (bytes_ > header_actions_bytes_max) {
      return Error(552, "5.3.4", "Error: too many headers match header_checks");
    }
    CheckHeader::Finding finding;
    finding.offset = static_cast<std::uint32_t>(offset);
    finding.bytes = static_cast<std::uint32_t>(field.whole.size());
    finding.action = std::move(action);
    findings_.list.push_back(std::move(finding));
    return {};
  }

  const Settings& settings_;
  const FindHeader& find_;
  CheckHeader::Findings findings_;
  std::size_t bytes_ = 0;
};

}  // namespace

Result<HeaderAction> HeaderAction::parse(std::string_view value, Form form) {
  value = trim(value);
  auto word = value.substr(0, value.find_first_of(" \t"));
  auto text = trim(value.substr(word.size()));
  auto row =
      std::ranges::find_if(rows, [&](const Row& one) { return equal_nocase(one.name, word); });
  if (row == rows.end()) {
    return wrong("unknown action " + printable(word, 100) + "; possible actions are " +
                 names_of_actions());
  }
  HeaderAction action;
  action.kind = row->kind;
  action.text = text;
  std::string name(row->name);
  if (row->kind == Kind::Reject) {
    TRY(action.text, reject_text(text, form));
  }
  if (row->text != Text::Optional && text.empty()) {
    return wrong(name +
                 (row->text == Text::Field ? " needs a header field: text" : " needs an address"));
  }
  if (form == Form::Written && text.find('$') != text.npos) return action;
  if (row->text == Text::Field && !is_field(text)) {
    return wrong(name + " " + printable(text, 100) + ": needs a header as in \"Name: text\"");
  }
  if (row->text == Text::Address) {
    auto address = MailAddress::parse(text, Utf8::Allowed);
    if (!address || !address->domain()) {
      return wrong(name + " " + printable(text, 100) + ": needs an address, user@domain");
    }
  }
  return action;
}

Result<CheckHeader::Findings> check_header(std::string_view header, const Settings& settings,
                                           const FindHeader& find) {
  return Evaluation(settings, find).run(header);
}

Result<HeaderVerdict> carry_out(const CheckHeader::Findings& findings, std::string_view header,
                                const LogTransaction& line) {
  HeaderVerdict verdict;
  std::size_t done = 0;
  for (const auto& finding : findings.list) {
    const auto& [kind, text] = finding.action;
    std::size_t end = std::size_t{finding.offset} + finding.bytes;
    auto field = HeaderFields(header.substr(std::min<std::size_t>(finding.offset, header.size())));
    if (finding.offset < done || end > header.size() || field.begin() == field.end()) {
      return Error::temporary("4.3.0", "the answer about header_checks does not fit the header");
    }
    done = end;
    bool is_known = kind == Kind::Hold && verdict.is_held;
    if (!log_name_of(kind).empty() && !is_known) {
      log_header_check(log_name_of(kind), key_of(*field.begin(), finding.bytes), line, text);
    }
    switch (kind) {
      case Kind::Reject:
        verdict.refusal = refusal_of(text);
        break;
      case Kind::Discard:
        verdict.is_discarded = true;
        break;
      case Kind::Hold:
        verdict.is_held = true;
        break;
      case Kind::Redirect:
        verdict.redirect = text;
        break;
      case Kind::Prepend:
        verdict.edits.push_back({finding.offset, 0, field_line(text)});
        break;
      case Kind::Replace:
        verdict.edits.push_back({finding.offset, finding.bytes, field_line(text)});
        break;
      case Kind::Ignore:
        verdict.edits.push_back({finding.offset, finding.bytes, {}});
        break;
      case Kind::Dunno:
      case Kind::Warn:
      case Kind::Info:
        break;
    }
  }
  return verdict;
}

void redirect_all(std::vector<Recipient>& recipients, std::string address) {
  if (recipients.empty()) return;
  recipients.resize(1);
  recipients.front().address = std::move(address);
}

}  // namespace pennypost::smtp
