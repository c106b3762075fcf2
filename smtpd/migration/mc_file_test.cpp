#include "smtpd/migration/mc_file.h"

#include <doctest/doctest.h>

#include <string>

using namespace pennypost;

namespace {

std::string shown(std::string_view text) {
  auto calls = smtp::parse_mc(text, "f");
  if (!calls) return calls.error().text();
  std::string all;
  for (const auto& call : *calls) {
    all += std::to_string(call.line) + " " + call.name;
    for (const auto& argument : call.arguments) all += "[" + argument + "]";
    if (call.name.empty()) all += call.text;
    all += "\n";
  }
  return all;
}

}  // namespace

TEST_CASE("sendmail.mc is read macro by macro, with quotes, comments and line ends in arguments") {
  CHECK(shown("divert(-1)dnl\n"
              "# FEATURE(`comment')\n"
              "dnl FEATURE(`off')\n"
              "define(`SMART_HOST', `smtp.example.com')dnl\n"
              "define(`confPRIVACY_FLAGS', ``authwarnings,noexpn'')dnl\n"
              "FEATURE(always_add_domain)dnl\n"
              "FEATURE(`access_db',`hash -T<TMPF> -o /etc/mail/access.db')\n"
              "DAEMON_OPTIONS(`Port=smtp,\n  Addr=127.0.0.1')\n"
              "EXPOSED_USER(`root')MAILER(smtp)\n"
              "F(a, b(c, d))\n") ==
        "1 divert[-1]\n"
        "4 define[SMART_HOST][smtp.example.com]\n"
        "5 define[confPRIVACY_FLAGS][authwarnings,noexpn]\n"
        "6 FEATURE[always_add_domain]\n"
        "7 FEATURE[access_db][hash -T<TMPF> -o /etc/mail/access.db]\n"
        "8 DAEMON_OPTIONS[Port=smtp,   Addr=127.0.0.1]\n"
        "10 EXPOSED_USER[root]\n"
        "10 MAILER[smtp]\n"
        "11 F[a][b(c, d)]\n");
}

TEST_CASE("lines of sendmail.cf in sendmail.mc are told apart from macros") {
  CHECK(shown("LOCAL_CONFIG\n"
              "Kmap hash /etc/x\n"
              "LOCAL_RULESETS\n"
              "SLocal_check_mail\n"
              "R$*\t$: $1\n"
              "MAILER(`smtp')\n"
              "not a macro\n") ==
        "1 LOCAL_CONFIG\n"
        "2 Kmap hash /etc/x\n"
        "3 LOCAL_RULESETS\n"
        "4 SLocal_check_mail\n"
        "5 R$*\t$: $1\n"
        "6 MAILER[smtp]\n");
}

TEST_CASE("a sendmail.mc with a mistake, or beyond a limit, is named with file and line") {
  CHECK(shown("\nFEATURE(`x'\n\n") == "f:2: a parenthesis is not closed");
  CHECK(shown("\n\nFEATURE(`x)\n") == "f:3: a quote ` is not closed by '");
  CHECK(shown(std::string(smtp::mc_bytes_max + 1, ' ')).starts_with("f:1: larger than "));
  std::string many = "F(" + std::string(smtp::mc_arguments_max, ',') + ")";
  CHECK(shown(many).starts_with("f:1: more than 64 arguments"));
  std::string calls;
  for (std::size_t i = 0; i <= smtp::mc_calls_max; ++i) calls += "F()\n";
  CHECK(shown(calls).find("more than 10000 macros") != std::string::npos);
}
