#include "store/sieve/checker.h"

#include <doctest/doctest.h>

#include "store/sieve/limits.h"
#include "store/sieve/testing.h"

using namespace pennypost::store::sieve;

namespace {

std::string mistakes_in(std::string_view script) {
  std::string text;
  for (const auto& mistake : compile(script).mistakes) text += mistake.shown() + "\n";
  return text;
}

}  // namespace

TEST_CASE("every mistake of a script is told, in its order") {
  CHECK(mistakes_in("kep;\nfileinto \"a\";\nif size 10 { stop; }\nkeep \"x\";") ==
        "1:1: there is no command \"kep\"; did you mean keep?\n"
        "2:1: fileinto needs require \"fileinto\"\n"
        "3:4: size needs :over or :under\n"
        "4:1: keep takes no arguments, not 1 arguments\n");
  std::string many;
  for (std::size_t i = 0; i < 2 * mistakes_max; ++i) many += "unknown;\n";
  CHECK(compile(many).mistakes.size() == mistakes_max);
  CHECK(compile(many).script == nullptr);
}

TEST_CASE("commands, tests, tags and arguments must fit the table") {
  struct Case {
    std::string_view script;
    std::string_view mistake;
  };
  for (const auto& one : {
           Case{"require \"nosuch\";", "1:9: there is no extension \"nosuch\"\n"},
           Case{"require \"vacatoin\";",
                "1:9: there is no extension \"vacatoin\"; did you mean vacation?\n"},
           Case{"keep; require \"copy\";", "1:7: require must stand before all other commands\n"},
           Case{"header \"a\" \"b\";", "1:1: \"header\" is a test; write if header\n"},
           Case{"if keep { stop; }", "1:4: \"keep\" is a command, not a test\n"},
           Case{"else { keep; }", "1:1: else must follow the block of an if or elsif\n"},
           Case{"if true { keep; } stop; elsif true { keep; }",
                "1:25: elsif must follow the block of an if or elsif\n"},
           Case{"if true;", "1:1: if needs a block: if ... { ... }\n"},
           Case{"keep { stop; }", "1:1: keep takes no block; end it with \";\"\n"},
           Case{"keep true;", "1:6: keep takes no test\n"},
           Case{"if not (true, false) { keep; }",
                "1:4: not takes one test; anyof (...) and allof (...) join several\n"},
           Case{"if allof true { keep; }", "1:4: allof takes a list of tests in parentheses\n"},
           Case{"if header :is \"a\" { keep; }",
                "1:4: header takes a string or a list of strings, a string or a list of strings, "
                "not 1 arguments\n"},
           Case{"redirect 10;", "1:10: argument 1 of redirect must be a string\n"},
           Case{"redirect [\"a@b.example\"];", "1:10: argument 1 of redirect must be a string\n"},
           Case{"keep :flags \"\\\\Seen\";", "1:6: :flags needs require \"imap4flags\"\n"},
           Case{"keep :nosuch;", "1:6: keep takes no tag :nosuch\n"},
           Case{"if header :is :contains \"a\" \"b\" { keep; }",
                "1:15: :contains can't stand beside :is\n"},
           Case{"if size :over :over 1 { keep; }", "1:15: :over can't stand beside :over\n"},
           Case{"if size 1 :over { keep; }",
                "1:11: the tag :over must stand before the other arguments\n"},
           Case{"if header :comparator :is \"a\" \"b\" { keep; }",
                "1:11: :comparator must be followed by a string\n"},
           Case{"if header :comparator \"i;nosuch\" \"a\" \"b\" { keep; }",
                "1:23: there is no comparator \"i;nosuch\"; there are i;ascii-casemap, i;octet, "
                "i;ascii-numeric and i;unicode-casemap\n"},
           Case{"require [\"relational\"]; if header :count \"xx\" \"a\" \"1\" { keep; }",
                "1:42: there is no relation \"xx\"; there are gt, ge, lt, le, eq and ne\n"},
           Case{"require [\"comparator-i;ascii-numeric\"]; "
                "if header :contains :comparator \"i;ascii-numeric\" \"a\" \"1\" { keep; }",
                "1:73: i;ascii-numeric compares whole numbers, and so can't be used with "
                ":contains, :matches or :regex\n"},
       }) {
    CAPTURE(one.script);
    CHECK(mistakes_in(one.script) == one.mistake);
  }
}

TEST_CASE("constants are checked before a script is ever run") {
  auto begins = [](std::string_view script, std::string_view mistake) {
    auto text = mistakes_in(script);
    CAPTURE(text);
    CHECK(text.starts_with(mistake));
  };
  begins("redirect \"nobody\";", "1:10: \"nobody\" is no mail address: it needs a domain");
  begins("require \"editheader\"; addheader \"a b\" \"x\";",
         "1:33: \"a b\" is no name of a header field");
  begins("if address \"subject\" \"x\" { keep; }",
         "1:12: the field \"subject\" holds no addresses");
  begins("require \"envelope\"; if envelope \"via\" \"x\" { keep; }",
         "1:33: \"via\" is no part of the envelope");
  begins("require \"date\"; if currentdate \"era\" \"x\" { keep; }",
         "1:32: \"era\" is no part of a date");
  begins("require \"date\"; if currentdate :zone \"UTC\" \"hour\" \"x\" { keep; }",
         "1:38: \"UTC\" is no time zone");
  begins("require \"regex\"; if header :regex \"a\" \"(b\" { keep; }",
         "1:39: the regular expression is wrong at its octet 3");
  begins("require \"fileinto\"; fileinto \"\";", "1:30: a mailbox's name must not be empty");
  begins("require \"variables\"; set \"1a\" \"\";", "1:26: \"1a\" is no name of a variable");
  begins("require \"variables\"; keep; set \"a\" \"${vnd.x}\";",
         "1:36: there is no namespace \"vnd\" of variables here");
  begins("require [\"variables\", \"fileinto\"]; fileinto \"${32}\";",
         "1:45: match variables go from ${0} to ${31}");
  begins("require \"encoded-character\"; redirect \"${unicode:d800}\";",
         "1:39: there is no character U+D800");
  begins("require \"imap4flags\"; addflag \"a(b\";", "1:31: \"a(b\" is no flag");
  begins("require \"imap4flags\"; addflag \"x\" \"a\";",
         "1:31: addflag with a variable needs require \"variables\"");
  begins("require \"index\"; if header :index 0 \"a\" \"\" { keep; }",
         "1:35: fields are counted from 1");
  begins("require \"index\"; if header :last \"a\" \"\" { keep; }",
         "1:21: :last counts :index from the end");
  begins("require \"enotify\"; notify \"xmpp:a@b.example\";", "1:27: there is no way to notify");
  begins("require \"vacation\"; vacation :from \"x\" \"away\";", "1:36: \"x\" is no mail address");
  begins("require \"include\"; include \"../x\";", "1:28: a script's name is UTF-8");
  begins("require [\"include\", \"variables\"]; keep; global \"a\";",
         "1:41: global must stand before all commands but require");
  begins("require \"foreverypart\"; break;", "1:25: break must stand within a foreverypart");
  begins("require [\"mime\"]; if header :type \"a\" \"\" { keep; }",
         "1:22: :anychild, :type, :subtype, :contenttype and :param need :mime");
}

TEST_CASE("what an ihave that is false guards may be unknown; what is true needs no require") {
  CHECK(outcome_of("require \"ihave\";\n"
                   "if ihave \"nosuch\" { nosuch :x 1; } else { discard; }") == "discard");
  CHECK(outcome_of("require \"ihave\";\n"
                   "if allof (ihave \"nosuch\", nosuch \"a\") { stop; } else { discard; }") ==
        "discard");
  CHECK(outcome_of("require \"ihave\";\n"
                   "if ihave [\"fileinto\", \"copy\"] { fileinto :copy \"a\"; }\n"
                   "elsif true { nosuch; }") == "fileinto a; keep");
  CHECK(outcome_of("require \"ihave\"; if ihave \"variables\" { discard; }") == "keep");
  CHECK(outcome_of("require [\"ihave\", \"variables\"]; if ihave \"variables\" { discard; }") ==
        "discard");
  CHECK(mistakes_in("require \"ihave\"; if not ihave \"nosuch\" { nosuch; }") ==
        "1:42: there is no command \"nosuch\"\n");
  CHECK(outcome_of("require \"ihave\"; if not ihave \"nosuch\" { error \"no way\"; }") ==
        "1:42: the script says: no way; keep");
}
