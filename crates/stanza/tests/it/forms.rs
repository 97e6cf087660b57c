//! Data forms, read, written, and checked against what was offered.

use stanza::form::{
    FORM_TYPE, Field, FieldKind, FieldOption, Form, FormError, FormKind, Method, Validation,
};
use stanza::limits::FORM_FIELDS_MAX;
use stanza::{Condition, StanzaError};

use crate::wire::element;

fn read(text: &str) -> Form {
    element(text, Form::parse).expect("a form")
}

/// The form of XEP-0004's first example, shortened.
const BOT: &str = "<x xmlns='jabber:x:data' type='form'><title>Bot Configuration</title>\
    <instructions>Fill out this form!</instructions><instructions>Now.</instructions>\
    <field var='FORM_TYPE' type='hidden'><value>jabber:bot</value></field>\
    <field type='fixed'><value>Section 1: Bot Info</value></field>\
    <field var='botname' type='text-single' label='The name of your bot'><desc>Short &amp; sweet</desc></field>\
    <field var='description' type='text-multi'/>\
    <field var='public' type='boolean'><required/></field>\
    <field var='password' type='text-private'/>\
    <field var='features' type='list-multi'><value>news</value><value>search</value>\
    <option label='Contests'><value>contests</value></option><option label='News'><value>news</value></option>\
    <option label='Search'><value>search</value></option></field>\
    <field var='maxsubs' type='list-single'><value>20</value>\
    <option label='20'><value>20</value></option><option label='None'><value>none</value></option></field>\
    <field var='invitelist' type='jid-multi'/>\
    </x>";

#[test]
fn a_form_is_written_as_it_was_read() {
    let form = read(BOT);
    assert_eq!(form.to_fragment().as_str(), BOT);
    assert_eq!(form.kind, FormKind::Form);
    assert_eq!(form.title.as_deref(), Some("Bot Configuration"));
    assert_eq!(form.instructions, ["Fill out this form!", "Now."]);
    assert_eq!(form.form_type(), Some("jabber:bot"));
    assert_eq!(form.value("maxsubs"), Some("20"));
    let features = form.find("features").expect("a field");
    let contests = FieldOption {
        label: Some("Contests".to_owned()),
        value: "contests".to_owned(),
    };
    assert_eq!(features.options.first(), Some(&contests));
}

#[test]
fn a_result_may_have_rows() {
    let text = "<x xmlns='jabber:x:data' type='result'><title>Joogle Search: verona</title>\
        <reported><field var='name'/><field var='url' type='text-single'/></reported>\
        <item><field var='name'><value>benvenuto!</value></field><field var='url'><value/></field></item>\
        <item><field var='name'><value>b</value></field></item></x>";
    let form = read(text);
    assert_eq!(
        (form.reported.len(), form.items.len(), form.fields.len()),
        (2, 2, 0)
    );
    assert_eq!(read(form.to_fragment().as_str()), form);
}

#[test]
fn validation_is_read_and_written() {
    let text = "<x xmlns='jabber:x:data' type='form'><field var='n' type='list-multi'>\
        <validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:int'><range min='1' max='9'/>\
        <list-range min='1'/></validate></field></x>";
    let form = read(text);
    let expected = Validation {
        datatype: "xs:int".to_owned(),
        method: Method::Range {
            min: Some("1".to_owned()),
            max: Some("9".to_owned()),
        },
        list_range: Some((Some(1), None)),
    };
    assert_eq!(
        form.find("n").and_then(|field| field.validation.as_ref()),
        Some(&expected)
    );
    assert_eq!(form.to_fragment().as_str(), text);

    let method = |inside: &str| {
        let text = format!(
            "<x xmlns='jabber:x:data' xmlns:xdv='http://jabber.org/protocol/xdata-validate' type='form'>\
             <field var='n'><xdv:validate>{inside}</xdv:validate></field></x>"
        );
        let validation = read(&text)
            .find("n")
            .and_then(|field| field.validation.clone())
            .expect("validation");
        (validation.datatype, validation.method)
    };
    let string = || "xs:string".to_owned();
    assert_eq!(method(""), (string(), Method::Basic));
    assert_eq!(method("<xdv:open/>"), (string(), Method::Open));
    assert_eq!(
        method("<xdv:regex>[0-9]+</xdv:regex>"),
        (string(), Method::Regex("[0-9]+".to_owned()))
    );
}

#[test]
fn what_is_no_form_is_refused() {
    let condition = |text: &str| {
        element(text, Form::parse)
            .map_err(|error| error.condition())
            .map(|_| ())
    };
    assert_eq!(
        condition("<x xmlns='jabber:x:data'/>"),
        Err(Condition::BadRequest)
    );
    assert_eq!(
        condition("<x xmlns='jabber:x:data' type='error'/>"),
        Err(Condition::BadRequest)
    );
    let options = "<x xmlns='jabber:x:data' type='form'><field var='a'><option/></field></x>";
    assert_eq!(condition(options), Err(Condition::BadRequest));
    let fields = "<field var='a'/>".repeat(FORM_FIELDS_MAX);
    assert_eq!(
        condition(&format!(
            "<x xmlns='jabber:x:data' type='submit'>{fields}</x>"
        )),
        Ok(())
    );
    assert_eq!(
        condition(&format!(
            "<x xmlns='jabber:x:data' type='submit'>{fields}<field var='b'/></x>"
        )),
        Err(Condition::NotAcceptable)
    );
    let within = |text: &str| element(text, Form::within).map(|form| form.is_some());
    assert_eq!(within("<query xmlns='urn:q'/>"), Ok(false));
    assert_eq!(
        within("<query xmlns='urn:q'><x xmlns='jabber:x:data' type='cancel'/></query>"),
        Ok(true)
    );
}

#[test]
fn a_form_type_counts_only_where_xep_0068_says() {
    let check = |kind: &str, field: &str, expected: Option<&str>| {
        let text = format!(
            "<x xmlns='jabber:x:data' type='{kind}'><field var='{FORM_TYPE}' {field}><value>urn:f</value></field></x>"
        );
        assert_eq!(read(&text).form_type(), expected, "{kind} {field}");
    };
    check("form", "type='hidden'", Some("urn:f"));
    check("form", "", None);
    check("form", "type='text-single'", None);
    check("result", "type='hidden'", Some("urn:f"));
    check("result", "", None);
    check("submit", "", Some("urn:f"));
    check("submit", "type='hidden'", Some("urn:f"));
    check("submit", "type='text-single'", None);
}

#[test]
fn a_data_set_is_a_result_with_a_hidden_type() {
    let form = Form::data("http://jabber.org/network/serverinfo").field(Field::data(
        "abuse-addresses",
        ["mailto:abuse@example.com", "xmpp:abuse@example.com"],
    ));
    assert_eq!(
        form.to_fragment().as_str(),
        "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'>\
         <value>http://jabber.org/network/serverinfo</value></field><field var='abuse-addresses'>\
         <value>mailto:abuse@example.com</value><value>xmpp:abuse@example.com</value></field></x>"
    );
}

/// What a service offers in the tests of submissions.
fn offered() -> Form {
    Form::to_fill_in("urn:f", "A form")
        .instruction("Fill it in.")
        .field(Field::fixed("Section"))
        .field(
            Field::new("name", FieldKind::TextSingle)
                .label("Name")
                .required(),
        )
        .field(Field::new("text", FieldKind::TextMulti).description("About"))
        .field(Field::new("on", FieldKind::Boolean).flag(true))
        .field(Field::new("owner", FieldKind::JidSingle))
        .field(Field::new("members", FieldKind::JidMulti))
        .field(
            Field::new("color", FieldKind::ListSingle)
                .option("Red", "red")
                .option("Blue", "blue"),
        )
        .field(
            Field::new("tags", FieldKind::ListMulti)
                .option("A", "a")
                .option("B", "b"),
        )
        .field(
            Field::new("free", FieldKind::ListSingle)
                .option("A", "a")
                .validated("xs:string", Method::Open),
        )
        .field(Field::new("size", FieldKind::TextSingle).validated(
            "xs:int",
            Method::Range {
                min: Some("1".to_owned()),
                max: Some("10".to_owned()),
            },
        ))
        .field(Field::new("when", FieldKind::TextSingle).datatype("xs:dateTime"))
}

/// Submits `fields` besides a name.
fn submit(fields: &str) -> Result<stanza::form::Submission, FormError> {
    let text = format!(
        "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>urn:f</value></field>\
         <field var='name'><value>Bob</value></field>{fields}</x>"
    );
    offered().submission(&read(&text))
}

fn check_field(var: &str, values: &[&str], expected: &str) {
    let values: String = values
        .iter()
        .map(|value| format!("<value>{value}</value>"))
        .collect();
    let outcome = match submit(&format!("<field var='{var}'>{values}</field>")) {
        Ok(submission) => submission.values(var).expect("submitted").join(","),
        Err(FormError::Field { fault, .. }) => format!("{fault:?}"),
        Err(other) => other.to_string(),
    };
    assert_eq!(outcome, expected, "{var} {values}");
}

#[test]
fn values_are_checked_by_type() {
    check_field("text", &["one", "two"], "one,two");
    check_field("on", &["true"], "true");
    check_field("on", &["yes"], "Invalid");
    check_field("on", &["1", "0"], "TooMany");
    check_field("owner", &["Romeo@Example.net"], "romeo@example.net");
    check_field("owner", &["@"], "Invalid");
    check_field("owner", &[""], "");
    check_field("members", &["a@b", "A@b", "c@d"], "a@b,c@d");
    check_field("color", &["red"], "red");
    check_field("color", &["green"], "NotAnOption");
    check_field("tags", &["b", "a", "b"], "b,a");
    check_field("tags", &["a", "c"], "NotAnOption");
    check_field("free", &["anything"], "anything");
    check_field("size", &["10"], "10");
    check_field("size", &["11"], "OutOfRange");
    check_field("size", &["ten"], "Invalid");
    check_field(
        "when",
        &["2003-10-06T11:22:00-07:00"],
        "2003-10-06T11:22:00-07:00",
    );
    check_field("when", &["tomorrow"], "Invalid");
}

#[test]
fn list_ranges_count_values() {
    let mut tags = Field::new("tags", FieldKind::ListMulti)
        .option("A", "a")
        .option("B", "b")
        .datatype("xs:string");
    if let Some(validation) = &mut tags.validation {
        validation.list_range = Some((Some(1), Some(1)));
    }
    let form = Form::to_fill_in("urn:f", "t").field(tags);
    let check = |values: &str, fits: bool| {
        let text = format!(
            "<x xmlns='jabber:x:data' type='submit'><field var='tags'>{values}</field></x>"
        );
        assert_eq!(form.submission(&read(&text)).is_ok(), fits, "{values}");
    };
    check("", false);
    check("<value>a</value>", true);
    check("<value>a</value><value>b</value>", false);
}

#[test]
fn fields_left_out_are_not_in_the_submission_and_unknown_ones_are_ignored() {
    let submission = submit("<field var='unheard-of'><value>x</value></field>").expect("fine");
    assert_eq!(submission.text("name"), Some("Bob"));
    assert_eq!(submission.flag("on"), None);
    assert_eq!(submission.values("unheard-of"), None);
    assert_eq!(submission.values(FORM_TYPE), None);
}

#[test]
fn values_come_out_typed() {
    let submission = submit(
        "<field var='text'><value>one</value><value>two</value></field><field var='on'><value>0</value></field>\
         <field var='owner'><value>a@b</value></field><field var='members'><value>c@d</value></field>\
         <field var='size'><value>7</value></field>",
    )
    .expect("fine");
    assert_eq!(submission.lines("text").as_deref(), Some("one\ntwo"));
    assert_eq!(submission.flag("on"), Some(false));
    assert_eq!(
        submission.jid("owner").as_ref().map(jid::Jid::as_str),
        Some("a@b")
    );
    assert_eq!(submission.jids("members").map(|jids| jids.len()), Some(1));
    assert_eq!(submission.number::<u8>("size"), Some(7));
    let cleared = submit("<field var='on'/><field var='owner'><value/></field>").expect("fine");
    assert_eq!(
        (
            cleared.flag("on"),
            cleared.jid("owner"),
            cleared.text("owner")
        ),
        (Some(false), None, Some(""))
    );
}

#[test]
fn a_required_field_must_have_a_value() {
    for fields in [
        "",
        "<field var='name'/>",
        "<field var='name'><value/></field>",
    ] {
        let text = format!("<x xmlns='jabber:x:data' type='submit'>{fields}</x>");
        let error = offered().submission(&read(&text)).expect_err("required");
        assert_eq!(error.to_string(), "name: a value is required");
        assert_eq!(
            StanzaError::from(error).condition(),
            Condition::NotAcceptable
        );
    }
}

#[test]
fn only_a_submission_of_the_same_form_counts() {
    let check = |text: &str, expected: FormError| {
        assert_eq!(
            offered().submission(&read(text)),
            Err(expected.clone()),
            "{text}"
        );
        assert_eq!(expected.condition(), Condition::BadRequest);
    };
    check(
        "<x xmlns='jabber:x:data' type='cancel'/>",
        FormError::Cancelled,
    );
    check(
        "<x xmlns='jabber:x:data' type='form'/>",
        FormError::NotASubmission,
    );
    check(
        "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>urn:g</value></field></x>",
        FormError::FormType,
    );
}

#[test]
fn debug_shows_fields_but_no_values() {
    let form = Form::new(FormKind::Submit)
        .field(Field::new("password", FieldKind::TextPrivate).value("hush"));
    let shown = format!("{form:?} {:?}", submit("").expect("fine"));
    assert!(
        shown.contains("password") && shown.contains("name"),
        "{shown}"
    );
    assert!(!shown.contains("hush") && !shown.contains("Bob"), "{shown}");
}
