#include "common/config/toml_mistake.h"

#include <doctest/doctest.h>

#include <string>

#include "common/base/text.h"
#include "common/config/load.h"

using namespace pennypost;

namespace {

/// What is told of a file, without its name.
std::string told(std::string_view toml) {
  auto file = read_toml(toml, "f");
  CHECK(file.is_toml == file.errors.empty());
  std::string all;
  for (const auto& error : file.errors) all += (all.empty() ? "" : "\n") + error.substr(2);
  return all;
}

struct Row {
  const char* toml;
  const char* told;
};

}  // namespace

TEST_CASE("text without quotes is shown with them, whatever letter it begins with") {
  const Row rows[] = {
      {"role = destination\n", "1: put quotes around the text: role = \"destination\""},
      {"inet_interfaces = important",
       "1: put quotes around the text: inet_interfaces = \"important\""},
      {"mydomain = nothing.test # x\n",
       "1: put quotes around the text: mydomain = \"nothing.test\""},
      {"\tmydomain\t=\ttest.example\t\r\n",
       "1: put quotes around the text: mydomain = \"test.example\""},
      {"mydomain = foo.example\n", "1: put quotes around the text: mydomain = \"foo.example\""},
      {"mydomain = 4you.example\n", "1: put quotes around the text: mydomain = \"4you.example\""},
      {"relayhost = 192.168.1.1\n", "1: put quotes around the text: relayhost = \"192.168.1.1\""},
      {"a = 127.0.0.0/8 [::1]/128\n",
       "1: put quotes around the text: a = \"127.0.0.0/8 [::1]/128\""},
      {"relayhost = [a.example]:587\n",
       "1: put quotes around the text: relayhost = \"[a.example]:587\""},
      {"x = hash:/etc/aliases\n", "1: put quotes around the text: x = \"hash:/etc/aliases\""},
      {"x = $a, b\n", "1: put quotes around the text: x = \"$a, b\""},
      {"x = a \"b\" c\n", "1: put quotes around the text: x = 'a \"b\" c'"},
      {"system_users = no\n", "1: put quotes around the text: system_users = \"no\""},
      {"smtpd_timeout = 300s\n", "1: put quotes around the text: smtpd_timeout = \"300s\""},
      {"x = [imap, 10.0.0.0/8]\n",
       "1: put quotes around each element: x = [\"imap\", \"10.0.0.0/8\"]"},
      {"x = [\n  imap, pop3\n]\n",
       "2: put quotes around each element of the list: \"imap\", \"pop3\","},
      {"x = 0025\n", "1: a number has no leading zeros: x = 25"},
  };
  for (const Row& row : rows) CHECK(told(row.toml) == row.told);
}

TEST_CASE("what is missing is named: a quote, a bracket, a comma, a value, the equals sign") {
  const Row rows[] = {
      {"x = \"a.b\ny = \"c\"\n", "1: the closing quote (\") is missing: x = \"a.b\""},
      {"x = 'a.b\n", "1: the closing quote (') is missing: x = \"a.b\""},
      {"x = \"a.b'\n", "1: the closing quote (\") is missing: x = \"a.b\""},
      {"x = a.b\"\n", "1: the opening quote is missing: x = \"a.b\""},
      {"x = \"\"\"a\n", "1: the text's closing \"\"\" is missing"},
      {"x \"a\"\n", "1: the = is missing: x = \"a\""},
      {"x: a.b\n", "1: put = between name and value: x = \"a.b\""},
      {"x == \"a\"\n", "1: one = is enough: x = \"a\""},
      {"x =\n", "1: the value is missing; write x = \"\" for an empty one"},
      {"x = # y\n", "1: the value is missing; write x = \"\" for an empty one"},
      {"x\n", "1: a name without a value; write x = \"value\""},
      {"x = [\"a\", \"b\"\ny = \"c\"\n", "1: the ] at the end of this list is missing"},
      {"x = [\n \"a\",\n", "1: the ] at the end of this list is missing"},
      {"x = [\"a\" \"b\"]\n",
       "1: a comma belongs between the elements of a list: x = [\"a\", \"b\"]"},
      {"x = [\n \"a\"\n \"b\"\n]\n",
       "3: a comma belongs between the elements of a list, also at a line's end"},
      {"[service.imap\nx = \"y\"\n", "1: the section's ] is missing: [service.imap]"},
      {"[]\n", "1: the section's name is missing: [service.NAME]"},
  };
  for (const Row& row : rows) CHECK(told(row.toml) == row.told);
}

TEST_CASE("what stands where it may not is named, and what other programs write") {
  const Row rows[] = {
      {"x = \"a\" y = \"b\"\n", "1: one setting per line: begin a new line before y"},
      {"x = \"a\";\n", "1: no semicolon follows a value: x = \"a\""},
      {"x = \"a\" // b\n", "1: a comment begins with #"},
      {"; a\n", "1: a comment begins with #"},
      {"!include a\n", "1: other files can't be included; all settings are in this one"},
      {"my x = \"a\"\n", "1: a setting's name is one word: letters, digits and _"},
      {"[service imap]\n", "1: a section is written [service.NAME], with a dot: [service.imap]"},
      {"[service.imap]:\n", "1: a section is alone on its line; begin a new line after its ]"},
      {"[[service.imap]]\n", "1: one pair of brackets: [service.imap]"},
      {"x = \"a\"\ny = 1\nx = \"b\"\n", "3: x is set twice, first in line 1; keep one"},
      {"x = 1\n[service.imap]\ny = 2\n[service.imap]\n",
       "4: this section appears twice, first in line 2; put its settings below the first"},
      {"x = \u201ca.b\u201d\n",
       "1: these quotes are typographic; write the plain one: x = \"a.b\""},
      {"x = \"C:\\new\\x\"\n",
       "1: \\ begins an escape within double quotes; write \\\\ for one, or put single quotes (') "
       "around the text"},
      {"x = \"caf\xe9\"\n", "1: the file is not UTF-8; save it as UTF-8"},
      {"x = \"a\x01\"\n", "1: this line has a control character; remove it"},
  };
  for (const Row& row : rows) {
    if (std::string_view(row.toml).starts_with("[[")) {
      CHECK(read_toml(row.toml, "f").errors.front().substr(2) == row.told);
    } else {
      CHECK(told(row.toml) == row.told);
    }
  }
}

TEST_CASE("a pasted main.cf is told of line by line up to a limit, and the good lines are read") {
  CHECK(
      told("# Postfix\nmyorigin = $mydomain\nmynetworks =\n  127.0.0.0/8\nx = \"good\"\n") ==
      "2: put quotes around the text: myorigin = \"$mydomain\"\n"
      "3: a value begins after its =, and does not continue on the next line as in main.cf: "
      "mynetworks = [\"a\", \"b\"]\n"
      "4: a value does not continue on the next line as in main.cf; put all of it into one pair of "
      "quotes, or write a list: name = [\"a\", \"b\"]");
  auto partly = read_toml("a = 1\nb = two\nc = 3\nd = [\"x\"\ne = 5\n", "f");
  CHECK_FALSE(partly.is_toml);
  CHECK(partly.errors.size() == 2);
  REQUIRE(partly.entries.size() == 2);
  CHECK(partly.entries[1].name == "c");
  CHECK(read_toml("a = 1\n[service.imap\nb = 2\n", "f").entries.size() == 1);
  std::string long_file;
  for (int i = 0; i < 1000; ++i) long_file += "x" + std::to_string(i) + " = y\n";
  CHECK(read_toml(long_file, "f").errors.size() == 20);
}
