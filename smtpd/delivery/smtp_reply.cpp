#include "smtpd/delivery/smtp_reply.h"

#include "common/base/text.h"
#include "common/base/words.h"

namespace pennypost::smtp {
namespace {

Error no_reply(std::string_view line) {
  return Error::temporary("4.5.0", "not an SMTP reply: " + printable(line, 100));
}

}  // namespace

EnhancedStatus SmtpReply::effective_status() const {
  return status.value_or(EnhancedStatus::of_reply(code));
}

std::string SmtpReply::text() const {
  std::string out = std::to_string(code);
  if (status) out += " " + status->text();
  for (const auto& line : lines) {
    if (!line.empty()) out += " " + printable(line);
  }
  return out;
}

Result<bool> ReplyParser::feed(std::string_view line) {
  if (line.size() < 3 || line[0] < '2' || line[0] > '5' || !is_digit(line[1]) ||
      !is_digit(line[2])) {
    return no_reply(line);
  }
  bool is_last = line.size() == 3 || line[3] == ' ';
  if (!is_last && line[3] != '-') return no_reply(line);
  if (reply_.lines.size() == reply_lines_max) {
    return Error::temporary(
        "4.5.0", "an SMTP reply of more than " + std::to_string(reply_lines_max) + " lines");
  }
  // If the lines' codes differ, the last one counts, as in Postfix.
  reply_.code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
  std::string_view text = line.size() > 4 ? line.substr(4) : std::string_view();
  std::string_view rest = text;
  auto status = EnhancedStatus::take(rest);
  if (status && status->status_class == line[0] - '0') {
    reply_.status = status;
    text = rest;
  }
  reply_.lines.emplace_back(text);
  return is_last;
}

SmtpReply ReplyParser::take() {
  if (reply_.status && reply_.status->status_class != reply_.code / 100) reply_.status.reset();
  return std::exchange(reply_, {});
}

PeerFeatures PeerFeatures::parse(const SmtpReply& ehlo, const std::vector<std::string>& ignored) {
  PeerFeatures features;
  // The first line has the server's name.
  for (std::size_t i = 1; i < ehlo.lines.size(); ++i) {
    // `AUTH=PLAIN` is the form of servers older than RFC 2554.
    auto fields = words(ehlo.lines[i], " \t=");
    if (fields.empty()) continue;
    std::string keyword = upper(fields[0]);
    if (holds(ignored, keyword)) continue;
    if (keyword == "PIPELINING") features.pipelining = true;
    if (keyword == "STARTTLS") features.starttls = true;
    if (keyword == "REQUIRETLS") features.requiretls = true;
    if (keyword == "8BITMIME") features.eight_bit_mime = true;
    if (keyword == "SMTPUTF8") features.smtputf8 = true;
    if (keyword == "DSN") features.dsn = true;
    if (keyword == "ENHANCEDSTATUSCODES") features.enhanced_status_codes = true;
    if (keyword == "SIZE") {
      features.size = true;
      if (fields.size() > 1) features.size_max = Limit(parse_number(fields[1]).value_or(0));
    }
    if (keyword == "XFORWARD") {
      for (std::size_t j = 1; j < fields.size(); ++j) features.xforward.push_back(upper(fields[j]));
    }
    if (keyword == "AUTH") {
      for (std::size_t j = 1; j < fields.size(); ++j) {
        features.auth_mechanisms.push_back(upper(fields[j]));
      }
    }
  }
  return features;
}

}  // namespace pennypost::smtp
