// That many are taken, one more is not: the limits of what a stranger's command or header may hold.
#include <doctest/doctest.h>

#include <string>

#include "common/mail/address.h"
#include "common/mail/esmtp.h"
#include "common/mail/mime.h"
#include "common/mail/mime_field.h"
#include "common/mail/status.h"

using namespace pennypost;

namespace {

std::string repeated(std::size_t count, const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

}  // namespace

TEST_CASE("MAIL and RCPT take esmtp_parameters_max parameters") {
  std::string parameters;
  for (std::size_t i = 0; i < esmtp_parameters_max; ++i)
    parameters += " X" + std::to_string(i) + "=1";
  // Unknown ones are 555; that there are too many is told before what they are.
  CHECK(parse_mail_command("FROM:<a@b.test>" + parameters).error().code() == 555);
  CHECK(parse_mail_command("FROM:<a@b.test>" + parameters + " Y=1").error().code() == 501);
}

TEST_CASE("a path has at most path_bytes_max octets, a local part, a domain and a label theirs") {
  auto address = [](std::size_t local, const std::string& domain) {
    return MailAddress::parse(std::string(local, 'a') + "@" + domain).has_value();
  };
  CHECK(address(local_part_bytes_max, "b.test"));
  CHECK_FALSE(address(local_part_bytes_max + 1, "b.test"));
  CHECK(address(1, std::string(domain_label_bytes_max, 'b') + ".test"));
  CHECK_FALSE(address(1, std::string(domain_label_bytes_max + 1, 'b') + ".test"));
  CHECK_FALSE(address(1, repeated(domain_bytes_max / 2 + 1, "b.") + "test"));
  std::string route = "@" + std::string(60, 'r') + ".test,";
  std::string path = repeated(path_bytes_max / route.size() + 1, route);
  path.back() = ':';
  CHECK_FALSE(MailAddress::parse_path("<" + path + "a@b.test>"));
}

TEST_CASE("ENVID and ORCPT end at their limits") {
  auto envid = [](std::size_t bytes) {
    return parse_mail_command("FROM:<a@b.test> ENVID=" + std::string(bytes, 'e')).has_value();
  };
  CHECK(envid(envid_bytes_max));
  CHECK_FALSE(envid(envid_bytes_max + 1));
  auto orcpt = [](std::size_t bytes) {
    std::string head = "rfc822;";
    return parse_rcpt_command("TO:<a@b.test> ORCPT=" + head + std::string(bytes - head.size(), 'o'),
                              Utf8::Refused)
        .has_value();
  };
  CHECK(orcpt(orcpt_bytes_max));
  CHECK_FALSE(orcpt(orcpt_bytes_max + 1));
}

TEST_CASE("of a MIME field's parameters and languages no more than their limits are looked at") {
  std::string field = "text/plain";
  for (std::size_t i = 0; i < mime_parameters_max + 20; ++i) {
    field += "; p" + std::to_string(i) + "=v";
  }
  CHECK(parse_mime_value(field).parameters.size() == mime_parameters_max);
  auto pieces = parse_mime_value("text/plain; n*0=a; n*" +
                                 std::to_string(mime_parameter_pieces_max) + "=b; n*1=c");
  CHECK(find_parameter(pieces.parameters, "n") == "ac");
  std::string languages = repeated(content_languages_max + 20, "en, ") + "de";
  CHECK(parse_content_language(languages).size() == content_languages_max);
}

TEST_CASE("a boundary longer than mime_boundary_bytes_max parts nothing") {
  auto parts = [](std::size_t bytes) {
    std::string boundary(bytes, 'b');
    return parse_mime("Content-Type: multipart/mixed;\n boundary=" + boundary + "\n\n--" +
                      boundary + "\n\nx\n--" + boundary + "--\n")
        .children.size();
  };
  CHECK(parts(mime_boundary_bytes_max) == 1);
  CHECK(parts(mime_boundary_bytes_max + 1) == 0);
}
