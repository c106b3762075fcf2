#include "common/mail/bounce_template.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <vector>

#include "common/base/text.h"
#include "common/mail/address_list.h"
#include "common/mail/charset.h"
#include "common/mail/fixups.h"
#include "common/mail/unicode.h"

namespace pennypost {
namespace {

constexpr std::size_t line_octets_max = 998;  // RFC 5322 section 2.1.1
constexpr std::string_view example_from = ", such as Name <MAILER-DAEMON>";

struct Named {
  std::string_view name;  // without `_template` or `_text`
  BounceTemplate BounceTemplates::*place;
};
constexpr std::array all_templates{
    Named{"failure", &BounceTemplates::failure},
    Named{"delay", &BounceTemplates::delay},
    Named{"success", &BounceTemplates::success},
    Named{"verify", &BounceTemplates::verify},
};

BounceTemplate made(std::string subject, std::string postmaster_subject, std::string_view text) {
  BounceTemplate out;
  out.from_name = "Mail Delivery System";
  out.from_address = "MAILER-DAEMON";
  out.subject = std::move(subject);
  out.postmaster_subject = std::move(postmaster_subject);
  out.text = "This is the mail system at host $myhostname.\n\n";
  out.text += text;
  out.text += "\nIf you need help, write to postmaster and include this report.\n";
  return out;
}

/// The names that a text may put in, whichever of its branches is taken.
std::set<std::string> names_in(std::string_view text) {
  std::set<std::string> names;
  for (const char* value : {"x", ""}) {
    fill_in(text, [&](std::string_view name) {
      names.emplace(name);
      return std::string(value);
    });
  }
  return names;
}

/// EOF, or a longer word if `text` has a line EOF of its own.
std::string end_mark(std::string_view text) {
  std::string mark = "EOF";
  const auto lines = split(text, '\n');
  while (std::ranges::find(lines, mark) != lines.end()) mark += '_';
  return mark;
}

class Parser {
 public:
  Parser(std::string_view bytes, const std::string& file, const IsKnownName& is_known)
      : file_(file), is_known_(is_known), lines_(split(bytes, '\n')) {
    if (!lines_.empty() && lines_.back().empty()) lines_.pop_back();
  }

  Result<BounceTemplates> parse() {
    BounceTemplates templates = built_in_templates();
    std::set<std::string_view> seen;
    while (at_ < lines_.size()) {
      std::string_view line = trim(lines_[at_]);
      if (line.empty() || line.starts_with('#')) {
        ++at_;
        continue;
      }
      TRY(auto named, head(line));
      if (!seen.insert(named->name).second) {
        return wrong(std::string(named->name) + "_template stands twice");
      }
      TRY(templates.*(named->place), body(templates.*(named->place)));
    }
    return templates;
  }

 private:
  Error wrong(const std::string& what) const { return wrong_at(at_, what); }
  Error wrong_at(std::size_t index, const std::string& what) const {
    return Error::permanent(file_ + ":" + std::to_string(index + 1) + ": " + what);
  }

  /// `failure_template = <<EOF`; remembers what ends the template.
  Result<const Named*> head(std::string_view line) {
    auto equals = line.find('=');
    std::string_view name = trim(line.substr(0, equals));
    auto named = std::ranges::find_if(all_templates, [&](const Named& one) {
      return name == std::string(one.name) + "_template";
    });
    if (named == all_templates.end()) {
      return wrong("unknown template \"" + printable(name, 100) +
                   "\"; there are failure_template, delay_template, success_template and "
                   "verify_template");
    }
    std::string_view rest = equals == line.npos ? "" : trim(line.substr(equals + 1));
    if (!rest.starts_with("<<") || trim(rest.substr(2)).empty()) {
      return wrong("write " + std::string(name) +
                   " = <<EOF, then the template, and EOF on a line of its own");
    }
    mark_ = trim(rest.substr(2));
    return &*named;
  }

  /// From the line behind the head to the one behind the mark.
  Result<BounceTemplate> body(BounceTemplate built_in) {
    const std::size_t begin = at_++;
    auto end = std::find(lines_.begin() + static_cast<std::ptrdiff_t>(at_), lines_.end(), mark_);
    if (end == lines_.end()) {
      return wrong_at(begin, "no line \"" + printable(mark_, 100) + "\" ends this template");
    }
    const auto after = static_cast<std::size_t>(end - lines_.begin());
    for (std::size_t i = at_; i < after; ++i) {
      if (lines_[i].size() > line_octets_max) {
        return wrong_at(i, "the line is longer than 998 octets");
      }
    }
    BounceTemplate made = std::move(built_in);
    made.charset = "us-ascii";
    made.postmaster_subject.clear();
    for (; at_ < after && !trim(lines_[at_]).empty(); ++at_) {
      TRY_DO(field(made));
    }
    if (at_ < after) ++at_;
    TRY_DO(text(made, after));
    at_ = after + 1;
    return made;
  }

  Result<void> field(BounceTemplate& made) {
    std::string_view line = lines_[at_];
    auto colon = line.find(':');
    std::string name = lower(trim(line.substr(0, colon)));
    std::string value(colon == line.npos ? "" : trim(line.substr(colon + 1)));
    bool is_known =
        name == "charset" || name == "from" || name == "subject" || name == "postmaster-subject";
    if (colon == line.npos || !is_known) {
      return wrong(
          "a template begins with Charset:, From:, Subject: and Postmaster-Subject:, then "
          "an empty line");
    }
    if (value.empty()) return wrong("a value is missing");
    if (std::ranges::any_of(value, is_control)) return wrong("a control character");
    if (!is_ascii(value))
      return wrong("write non-ASCII words here as RFC 2047 says, =?utf-8?Q?..?=");
    if (name == "charset") made.charset = value;
    if (name == "subject") made.subject = value;
    if (name == "postmaster-subject") made.postmaster_subject = value;
    return name == "from" ? from(made, value) : Result<void>();
  }

  Result<void> from(BounceTemplate& made, const std::string& value) const {
    auto addresses = parse_address_list(value);
    if (addresses.size() != 1)
      return wrong(std::string("From: needs one address").append(example_from));
    auto address = addresses[0].address(Utf8::Refused);
    if (!address) return wrong(("From: " + address.error().text()).append(example_from));
    made.from_name = addresses[0].name.value_or("");
    made.from_address = address->text();
    return {};
  }

  /// The text from here up to the line `end`, as UTF-8.
  Result<void> text(BounceTemplate& made, std::size_t end) const {
    if (at_ >= end) return wrong_at(end, "the template has no text behind its empty line");
    made.text.clear();
    bool is_plain = equal_nocase(made.charset, "us-ascii");
    for (std::size_t i = at_; i < end; ++i) {
      std::string line(lines_[i]);
      if (is_plain && !is_ascii(line)) {
        return wrong_at(i, "text that is not ASCII needs its charset: Charset: utf-8");
      }
      if (equal_nocase(made.charset, "utf-8") && !is_utf8(line)) {
        return wrong_at(i, "the text is not UTF-8; name its charset");
      }
      if (!is_plain) {
        auto converted = to_utf8(made.charset, line);
        if (!converted) return wrong_at(i, "unknown charset " + printable(made.charset, 100));
        line = *std::move(converted);
      }
      for (const auto& name : names_in(line)) {
        if (!is_known_(name)) {
          return wrong_at(i, "$" + printable(name, 100) + " is no setting; $$ is a dollar");
        }
      }
      made.text += line + '\n';
    }
    if (made.text.size() > template_bytes_max) {
      return wrong("the text is longer than " + std::to_string(template_bytes_max) + " bytes");
    }
    return {};
  }

  const std::string& file_;
  const IsKnownName& is_known_;
  std::vector<std::string_view> lines_;
  std::size_t at_ = 0;
  std::string mark_;
};

}  // namespace

const BounceTemplates& built_in_templates() {
  static const BounceTemplates templates = [] {
    BounceTemplates built;
    built.failure =
        made("Undelivered Mail Returned to Sender", "Postmaster Copy: Undelivered Mail",
             "Your message could not be delivered to the recipients named below, and no\n"
             "further attempt will be made. What was returned of it is attached.\n");
    built.delay = made("Delayed Mail (still being retried)", "Postmaster Warning: Delayed Mail",
                       "Your message has not yet been delivered to the recipients named below.\n"
                       "There is nothing you need to do: delivery will be tried again.\n");
    built.success =
        made("Successful Mail Delivery Report", "",
             "You asked for a report when your message arrives. This is what became of\n"
             "it at the recipients named below.\n");
    built.verify = made("Mail Delivery Status Report", "",
                        "You asked what would become of mail to the recipients named below.\n");
    return built;
  }();
  return templates;
}

Result<BounceTemplates> parse_bounce_templates(std::string_view bytes, const std::string& file,
                                               const IsKnownName& is_known) {
  return Parser(bytes, file, is_known).parse();
}

std::string bounce_templates_text(const BounceTemplates& templates) {
  std::string out;
  for (const auto& [name, place] : all_templates) {
    const BounceTemplate& one = templates.*place;
    const std::string mark = end_mark(one.text);
    bool is_utf8_now = !is_ascii(one.text);
    if (!out.empty()) out += '\n';
    out += std::string(name) + "_template = <<" + mark + '\n';
    out += "Charset: " + std::string(is_utf8_now ? "utf-8" : "us-ascii") + '\n';
    out += "From: " + (one.from_name.empty() ? "" : phrase(one.from_name) + ' ') + '<' +
           one.from_address + ">\n";
    out += "Subject: " + one.subject + '\n';
    if (!one.postmaster_subject.empty()) {
      out += "Postmaster-Subject: " + one.postmaster_subject + '\n';
    }
    out += '\n' + one.text + mark + '\n';
  }
  return out;
}

std::string filled_bounce_texts(const BounceTemplates& templates, const TemplateValue& value) {
  std::string out;
  for (const auto& [name, place] : all_templates) {
    if (!out.empty()) out += '\n';
    const std::string text = fill_in((templates.*place).text, value);
    const std::string mark = end_mark(text);
    out += "expanded_" + std::string(name) + "_text = <<" + mark + '\n' + text + mark + '\n';
  }
  return out;
}

}  // namespace pennypost
